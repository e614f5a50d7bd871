package fusewire;

import java.lang.foreign.MemoryLayout;
import java.lang.foreign.PaddingLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;

final class LayoutTests {
    private LayoutTests() {}

    static void into(Map<String, Check.Step> tests, String path) {
        tests.put("layouts are those of the header", () -> layouts(path));
        tests.put("small numbers have the names of the library", LayoutTests::names);
    }

    private static void layouts(String path) throws Exception {
        Map<String, Long> header = new TreeMap<>();
        for (String line : Files.readAllLines(Path.of(path))) {
            String[] words = line.split(" ");
            header.put(words[0] + " " + words[1], Long.valueOf(words[2]));
        }
        Map<String, Long> ours = new TreeMap<>();
        ours.put("fusewire_permit -", Layouts.PERMIT_WORDS * 8L);
        for (var layout : Layouts.ALL) {
            String name = layout.name().orElseThrow();
            ours.put(name + " -", layout.byteSize());
            for (MemoryLayout member : layout.memberLayouts()) {
                if (!(member instanceof PaddingLayout)) {
                    String field = member.name().orElseThrow();
                    ours.put(name + " " + field, Layouts.offset(layout, field));
                }
            }
        }
        Check.equal("layouts", ours, header);
    }

    private static void names() {
        for (State state : State.values()) {
            Check.equal("state", state.label(), state.name().toLowerCase());
        }
        for (Mode mode : Mode.values()) {
            Check.equal("mode", mode.label(), mode.name().toLowerCase());
        }
        for (Reason reason : Reason.values()) {
            Check.equal("reason", reason.label(), reason.name().toLowerCase());
        }
        Check.equal("a later reason", Reason.of(31), Reason.OTHER);
    }
}
