package fusewire;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.ref.Reference;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** The path of a call: a permit, and behind it a rejection, are words of an array. */
final class Slips {
    private static final MethodHandle ACQUIRE = Native.quick("fusewire_breaker_acquire", ADDRESS, ADDRESS, ADDRESS);
    private static final MethodHandle WAIT = Native.quickly("fusewire_permit_wait_ns");
    private static final MethodHandle SUCCESS = Native.quick("fusewire_permit_success", ADDRESS);
    private static final MethodHandle IGNORE = Native.quick("fusewire_permit_ignore", ADDRESS);
    private static final MethodHandle ABANDON = Native.quick("fusewire_permit_abandon", ADDRESS);
    private static final MethodHandle SETTLE =
            Native.quick("fusewire_permit_settle", ADDRESS, JAVA_INT, JAVA_LONG, ADDRESS);

    private static final int FAILURE = 1;
    private static final long PERMIT_BYTES = Layouts.PERMIT_WORDS * 8L;
    private static final long REJECTION_BYTES = Layouts.REJECTION_WORDS * 8L;

    private Slips() {}

    static long[] words() {
        return new long[Layouts.PERMIT_WORDS + Layouts.REJECTION_WORDS];
    }

    /** Asks for a permit; the words have that, or why not. */
    static int acquire(MemorySegment breaker, long[] words) {
        MemorySegment both = MemorySegment.ofArray(words);
        try {
            return (int) ACQUIRE.invokeExact(breaker, both, both.asSlice(PERMIT_BYTES, REJECTION_BYTES));
        } catch (Throwable e) {
            throw Native.failed(e);
        }
    }

    /**
     * How long the call waits for its turn, in nanoseconds. The library has a function that sleeps meanwhile, which would
     * keep a garbage collection waiting as long, and a virtual thread's carrier.
     */
    static long wait(MemorySegment breaker, long[] words) {
        try {
            return (long) WAIT.invokeExact(MemorySegment.ofArray(words));
        } catch (Throwable e) {
            throw Native.failed(e);
        } finally {
            Reference.reachabilityFence(breaker);
        }
    }

    static long[] rejection(long[] words) {
        return Arrays.copyOfRange(words, Layouts.PERMIT_WORDS, words.length);
    }

    // A permit has the address of its handle, which the collector must not free meanwhile.

    static Settled success(MemorySegment breaker, long[] words) {
        return settled(breaker, SUCCESS, words);
    }

    static Settled ignore(MemorySegment breaker, long[] words) {
        return settled(breaker, IGNORE, words);
    }

    static Settled abandon(MemorySegment breaker, long[] words) {
        return settled(breaker, ABANDON, words);
    }

    private static Settled settled(MemorySegment breaker, MethodHandle settle, long[] words) {
        try {
            return Settled.of((int) settle.invokeExact(MemorySegment.ofArray(words)));
        } catch (Throwable e) {
            throw Native.failed(e);
        } finally {
            Reference.reachabilityFence(breaker);
        }
    }

    static Settled failure(MemorySegment breaker, long[] words, String errorType) {
        try {
            return Settled.of(
                    (int) SETTLE.invokeExact(MemorySegment.ofArray(words), FAILURE, Native.NONE, ended(errorType)));
        } catch (Throwable e) {
            throw Native.failed(e);
        } finally {
            Reference.reachabilityFence(breaker);
        }
    }

    /** The text as C has it; of a long one what the library may keep of it, and one more, which it cuts off. */
    private static MemorySegment ended(String errorType) {
        if (errorType == null) {
            return MemorySegment.NULL;
        }
        String kept = errorType.substring(0, Math.min(errorType.length(), Layouts.ERROR_TYPE_SIZE));
        return MemorySegment.ofArray((kept + '\0').getBytes(StandardCharsets.UTF_8));
    }
}
