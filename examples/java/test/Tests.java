package fusewire;

import java.util.LinkedHashMap;
import java.util.Map;

/** Runs the tests; exits with 1 when one fails. Its argument is what layouts.c prints. */
public final class Tests {
    private Tests() {}

    /** Runs all. */
    public static void main(String[] arguments) {
        Map<String, Check.Step> tests = new LinkedHashMap<>();
        LayoutTests.into(tests, arguments[0]);
        CallTests.into(tests);
        OutcomeTests.into(tests);
        PacedTests.into(tests);
        ThreadTests.into(tests);
        int failed = 0;
        for (var test : tests.entrySet()) {
            try {
                test.getValue().run();
            } catch (Throwable e) {
                failed++;
                System.err.println("FAILED: " + test.getKey());
                e.printStackTrace();
            }
        }
        System.out.println("java: " + (tests.size() - failed) + " of " + tests.size() + " tests passed");
        System.exit(failed == 0 ? 0 : 1);
    }
}
