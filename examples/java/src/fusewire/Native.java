package fusewire;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.function.Consumer;

/** The functions of fusewire.h that this package needs, as method handles, and what all of them share. */
@SuppressWarnings("restricted")
final class Native {
    private static final Linker LINKER = Linker.nativeLinker();
    private static final SymbolLookup LIBRARY;

    static {
        System.loadLibrary("fusewire");
        LIBRARY = SymbolLookup.loaderLookup();
    }

    /** The values of fusewire_status that are told apart here. */
    static final int OK = 0;
    static final int LATE = 1;
    static final int REJECTED = 10;
    static final int FIRST_ERROR = 100;
    static final int ERROR_CONFIG = 110;
    static final int ERROR_NAME = 111;
    static final int ERROR_CONFLICT = 112;
    static final int ERROR_UNKNOWN_BREAKER = 113;

    /** FUSEWIRE_NONE and FUSEWIRE_INVALID. */
    static final long NONE = -1;
    static final int INVALID = -1;

    /** The ABI of the header that this was written after. */
    private static final int ABI = 1;

    private static final MethodHandle ERROR_FREE = procedure("fusewire_error_free");
    private static final MethodHandle ERROR_MESSAGE = answering("fusewire_error_message");
    private static final MethodHandle ERROR_KEY = answering("fusewire_error_key");
    private static final MethodHandle ERROR_VALUE = answering("fusewire_error_value");
    private static final MethodHandle ERROR_ALLOWED = answering("fusewire_error_allowed");
    private static final MethodHandle STATUS_TEXT = named("fusewire_status_text");
    private static final MethodHandle STRING_FREE = procedure("fusewire_string_free");

    static {
        try {
            int abi = (int) find("fusewire_abi_version", FunctionDescriptor.of(JAVA_INT)).invokeExact();
            int minimum = (int) find("fusewire_abi_version_minimum", FunctionDescriptor.of(JAVA_INT)).invokeExact();
            if (abi < ABI || minimum > ABI) {
                throw new UnsatisfiedLinkError("libfusewire has ABI " + abi + " and serves those from " + minimum
                        + " on; this package needs " + ABI + ": install the one that it came with");
            }
        } catch (Throwable e) {
            throw failed(e);
        }
    }

    private Native() {}

    /** A function of the library. */
    static MethodHandle find(String name, FunctionDescriptor descriptor, Linker.Option... options) {
        MemorySegment symbol =
                LIBRARY.find(name).orElseThrow(() -> new UnsatisfiedLinkError("libfusewire has no " + name));
        return LINKER.downcallHandle(symbol, descriptor, options);
    }

    /** One that answers a status. */
    static MethodHandle function(String name, MemoryLayout... arguments) {
        return find(name, FunctionDescriptor.of(JAVA_INT, arguments));
    }

    /**
     * One on the path of a call. It may be called without the thread saying so to the virtual machine
     * ({@code Linker.Option.critical}), since the header promises what that takes: acquiring and settling take no lock, never
     * wait and never call back, so a garbage collection does not have to wait for long. And it may be given arrays, which
     * do not move meanwhile, since the library keeps no pointer to a permit or a rejection.
     */
    static MethodHandle quick(String name, MemoryLayout... arguments) {
        return find(name, FunctionDescriptor.of(JAVA_INT, arguments), Linker.Option.critical(true));
    }

    /** One of those that reads a number of a permit. */
    static MethodHandle quickly(String name) {
        return find(name, FunctionDescriptor.of(JAVA_LONG, ADDRESS), Linker.Option.critical(true));
    }

    /** One that answers nothing, such as those that free. */
    static MethodHandle procedure(String name) {
        return find(name, FunctionDescriptor.ofVoid(ADDRESS));
    }

    /** One that answers a text of a handle. */
    static MethodHandle answering(String name) {
        return find(name, FunctionDescriptor.of(ADDRESS, ADDRESS));
    }

    /** One that answers the name of a small number. */
    static MethodHandle named(String name) {
        return find(name, FunctionDescriptor.of(ADDRESS, JAVA_INT));
    }

    /** The name of a small number. */
    static String nameOf(MethodHandle names, int number) {
        try {
            return text((MemorySegment) names.invokeExact(number));
        } catch (Throwable e) {
            throw failed(e);
        }
    }

    /** What a method handle threw: nothing that it declares. */
    static RuntimeException failed(Throwable e) {
        switch (e) {
            case RuntimeException unchecked -> throw unchecked;
            case Error error -> throw error;
            default -> throw new IllegalStateException(e);
        }
    }

    /** A text that belongs to the library; null for NULL. */
    static String text(MemorySegment text) {
        return text.address() == 0 ? null : text.reinterpret(Long.MAX_VALUE).getString(0);
    }

    /** A text for the library, which takes a NUL for its end; NULL for null. */
    static MemorySegment text(Arena arena, String text) {
        if (text == null) {
            return MemorySegment.NULL;
        }
        if (text.indexOf('\0') >= 0) {
            throw new IllegalArgumentException("a text has a NUL in it; leave that out");
        }
        return arena.allocateFrom(text);
    }

    /** What writes a handle. */
    interface Making {
        int make(MemorySegment to, MemorySegment error) throws Throwable;
    }

    /** A handle, which is freed when nobody reaches it any more. */
    static MemorySegment made(Making making, MethodHandle free) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment to = arena.allocate(ADDRESS);
            check(arena, error -> making.make(to, error));
            return owned(to.get(ADDRESS, 0), free);
        }
    }

    static MemorySegment owned(MemorySegment handle, MethodHandle free) {
        Consumer<MemorySegment> freeing = freed -> {
            try {
                free.invokeExact(freed);
            } catch (Throwable e) {
                throw failed(e);
            }
        };
        return handle.reinterpret(Arena.ofAuto(), freeing);
    }

    /** What answers a status, and can tell more. */
    interface Detailed {
        int call(MemorySegment error) throws Throwable;
    }

    /** Throws what the library has to say when it did not do what it should. */
    static int check(Arena arena, Detailed detailed) {
        try {
            MemorySegment error = arena.allocate(ADDRESS);
            int status = detailed.call(error);
            if (status < FIRST_ERROR) {
                return status;
            }
            throw exception(status, error.get(ADDRESS, 0));
        } catch (Throwable e) {
            throw failed(e);
        }
    }

    private static RuntimeException exception(int status, MemorySegment error) throws Throwable {
        if (error.address() == 0) {
            return FusewireException.of(status, nameOf(STATUS_TEXT, status), "", "", "");
        }
        RuntimeException exception = FusewireException.of(
                status,
                text((MemorySegment) ERROR_MESSAGE.invokeExact(error)),
                text((MemorySegment) ERROR_KEY.invokeExact(error)),
                text((MemorySegment) ERROR_VALUE.invokeExact(error)),
                text((MemorySegment) ERROR_ALLOWED.invokeExact(error)));
        ERROR_FREE.invokeExact(error);
        return exception;
    }

    /** What writes a text that is the caller's, and its length. */
    interface Telling {
        int tell(MemorySegment to, MemorySegment length) throws Throwable;
    }

    /** A text that the library gives away. */
    static String told(Telling telling) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment to = arena.allocate(ADDRESS);
            MemorySegment length = arena.allocate(JAVA_LONG);
            check(arena, error -> telling.tell(to, length));
            MemorySegment text = to.get(ADDRESS, 0);
            try {
                return text(text);
            } finally {
                STRING_FREE.invokeExact(text);
            }
        } catch (Throwable e) {
            throw failed(e);
        }
    }
}
