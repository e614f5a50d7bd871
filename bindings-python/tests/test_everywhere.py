"""Threads, processes, forks, greenlets, interpreters."""

from __future__ import annotations

import multiprocessing
import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import threading
import urllib.request

import pytest

from fusewire import CircuitBreaker, CircuitOpenError, circuit_breaker


def run(code, *arguments):
    """Runs a program of its own; its output."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_threads_lose_nothing():
    breaker = CircuitBreaker("threads", failure_threshold=1_000_000, ignore=KeyError)
    guarded = circuit_breaker(breaker)(lambda error=None: (_ for _ in ()).throw(error) if error else None)
    barrier = threading.Barrier(8)

    def work():
        barrier.wait()
        for n in range(6_000):
            try:
                guarded((None, OSError(), KeyError())[n % 3])
            except (OSError, KeyError):
                pass

    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(switch)
    totals = breaker.snapshot().totals
    assert (totals.success, totals.failure, totals.ignored) == (16_000, 16_000, 16_000)


def test_calls_of_several_threads_run_side_by_side():
    breaker = CircuitBreaker("side by side")
    everybody = threading.Barrier(4)
    # Each waits inside the guarded call until all of them are: a lock around the call would never let them go.
    threads = [threading.Thread(target=breaker.call, args=(everybody.wait, 60)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert breaker.snapshot().totals.success == 4


def test_one_of_many_threads_opens_it_and_all_see_it():
    breaker = CircuitBreaker("opening", failure_threshold=5)
    barrier, seen = threading.Barrier(8), []

    def work():
        barrier.wait()
        for _ in range(100):
            try:
                with breaker:
                    raise OSError
            except OSError:
                pass
            except CircuitOpenError as error:
                seen.append(error.reason)
                return

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == ["open"] * 8
    snapshot = breaker.snapshot()
    assert snapshot.opened == 1 and snapshot.totals.rejected.open == 8


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_breaker_made_before_a_fork_works_in_parent_and_child():
    assert (
        run("""
        import os, sys
        from fusewire import CircuitBreaker, CircuitOpenError
        breaker = CircuitBreaker("forked", failure_threshold=2)
        breaker.call(len, "")
        children = []
        for n in range(4):
            child = os.fork()
            if child == 0:
                for _ in range(2):
                    try:
                        breaker.call(int, "x")
                    except ValueError:
                        pass
                try:
                    breaker.call(len, "")
                except CircuitOpenError:
                    totals = breaker.snapshot().totals
                    os._exit(0 if (totals.success, totals.failure) == (1, 2) else 3)
                os._exit(2)
            children.append(child)
        codes = [os.waitstatus_to_exitcode(os.waitpid(c, 0)[1]) for c in children]
        print(codes, breaker.state.value, breaker.snapshot().totals.success)
        """)
        == "[0, 0, 0, 0] closed 1"
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_forks_beside_busy_threads_never_hang():
    assert (
        run("""
        import os, threading, warnings
        warnings.simplefilter("ignore")
        from fusewire import CircuitBreaker, Registry
        registry = Registry()
        breaker = registry.get_or_create("busy", failure_threshold=3)
        heard = []
        breaker.add_listener(heard.append)
        stop = threading.Event()

        def call(n):
            made = 0
            while not stop.is_set():
                made += 1
                try:
                    breaker.call(int, "1" if made % 5 else "x")
                except Exception:
                    breaker.reset()
                registry.get_or_create(f"new {n} {made % 100}")
                breaker.snapshot()

        threads = [threading.Thread(target=call, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        codes = []
        for n in range(200):
            child = os.fork()
            if child == 0:
                breaker.trip()
                breaker.reset()
                breaker.call(len, "")
                registry.get_or_create("of a child").call(len, "")
                registry.metrics()
                os._exit(0)
            codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        stop.set()
        for thread in threads:
            thread.join()
        print(set(codes), len(heard) > 0)
        """)
        == "{0} True"
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("when", ["in the import of logging", "on its way to its logger"])
def test_a_fork_in_the_middle_of_the_first_log_line_never_hangs(when):
    assert (
        run(
            """
            import os, sys, threading, warnings
            warnings.simplefilter("ignore")
            import fusewire
            reached, forked = threading.Event(), threading.Event()

            def stop_here():
                if not reached.is_set():
                    reached.set()
                    assert forked.wait(60)

            if sys.argv[1] == "in the import of logging":
                # Which `logging` calls while it is imported.
                assert "logging" not in sys.modules
                register = os.register_at_fork
                os.register_at_fork = lambda **hooks: (stop_here(), register(**hooks))
            else:
                import logging

                get_logger = logging.getLogger
                logging.getLogger = lambda name: (stop_here(), get_logger(name))[1]

            breaker = fusewire.CircuitBreaker("logging for the first time")
            heard = []
            breaker.add_listener(heard.append)
            thread = threading.Thread(target=breaker.trip)
            thread.start()
            assert reached.wait(60)
            child = os.fork()
            if child == 0:
                breaker.reset()
                fusewire.registry.get_or_create("of a child").trip()
                os._exit(0)
            forked.set()
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            thread.join()
            print(len(heard))
            """,
            when,
        )
        == "0\n1"
    )


def _of_a_worker(n):
    breaker = CircuitBreaker("worker", failure_threshold=2)
    return breaker.call(pow, n, 2)


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_multiprocessing(method):
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(_of_a_worker, range(4)) == [0, 1, 4, 9]


def test_gevent_greenlets_cross_without_mixing():
    assert (
        run("""
        import warnings
        warnings.simplefilter("ignore")
        from gevent import monkey
        monkey.patch_all()
        import gevent
        from gevent.event import Event
        from fusewire import CircuitBreaker, circuit_breaker
        breaker = CircuitBreaker("greenlets", failure_threshold=1_000)
        guarded = circuit_breaker(breaker)(gevent.sleep)

        def work(n):
            with breaker:
                guarded(0)
                if n % 2:
                    raise OSError

        jobs = [gevent.spawn(work, n) for n in range(100)]
        gevent.get_hub().exception_stream = None
        gevent.joinall(jobs)
        started, never = Event(), Event()

        def hang():
            started.set()
            never.wait()

        killed = gevent.spawn(circuit_breaker(breaker)(hang))
        started.wait()
        killed.kill()
        totals = breaker.snapshot().totals
        print(totals.success, totals.failure, totals.ignored)
        """)
        == "150 50 1"
    )


def test_gunicorn_workers_have_breakers_of_their_own(tmp_path):
    (tmp_path / "app.py").write_text(
        textwrap.dedent("""
        import os
        from fusewire import CircuitBreaker, CircuitOpenError
        breaker = CircuitBreaker("before the fork", failure_threshold=2)
        breaker.call(len, "")

        def app(environ, start_response):
            try:
                breaker.call(int, environ["PATH_INFO"][1:])
                text = "ok"
            except ValueError:
                text = "failed"
            except CircuitOpenError:
                text = "open"
            start_response("200 OK", [("Content-Type", "text/plain"), ("Connection", "close")])
            return [f"{os.getpid()} {text}".encode()]
        """)
    )
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "--preload", "--workers", "2", "--bind", "127.0.0.1:0", "app:app"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        log = iter(server.stderr.readline, "")
        address = next(line.split("Listening at: ")[1].split()[0] for line in log if "Listening at" in line)
        answers = {}

        def ask(path):
            with urllib.request.urlopen(f"{address}/{path}", timeout=60) as answer:
                pid, text = answer.read().decode().split()
            answers.setdefault(pid, []).append(text)

        while len(answers) < 2 or min(map(len, answers.values())) < 3:
            ask("x")
        assert all(found[:3] == ["failed", "failed", "open"] for found in answers.values())
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=60)


def test_a_sub_interpreter_is_refused_with_a_clear_error():
    name = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    pytest.importorskip(name)
    package = str(pathlib.Path(__import__("fusewire").__file__).parent.parent)
    out = run(
        f"""
        import {name} as interpreters, sys
        import fusewire
        one = interpreters.create()
        code = '''
        import sys
        sys.path.insert(0, {package!r})
        try:
            import fusewire
        except ImportError as error:
            print("refused:", error, flush=True)
        '''
        import textwrap
        found = interpreters.run_string(one, textwrap.dedent(code))
        """
    )
    assert out.startswith("refused:") and "interpreter" in out


def test_the_module_says_that_it_needs_no_global_lock():
    native = sys.modules["fusewire._native"]
    if hasattr(sys, "_is_gil_enabled"):
        gil = sys._is_gil_enabled()
        assert gil or native is not None
    out = run("""
    import sys
    import fusewire
    print(getattr(sys, "_is_gil_enabled", lambda: None)())
    """)
    free_threaded = "free-threading" in sys.version
    assert out == ("False" if free_threaded else "None" if sys.version_info < (3, 13) else "True")


def test_nothing_is_left_at_the_interpreters_exit():
    assert (
        run("""
        import asyncio, atexit
        from fusewire import CircuitBreaker, circuit_breaker
        breaker = CircuitBreaker("exiting")
        permit = breaker.acquire()
        stream = circuit_breaker(breaker)(lambda: (yield 1))()
        next(stream)
        atexit.register(lambda: print("done"))
        """)
        == "done"
    )
