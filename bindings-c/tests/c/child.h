// Runs a function in a child process, and tells how it ended and what it wrote to stderr.

#ifndef FUSEWIRE_TESTS_CHILD_H
#define FUSEWIRE_TESTS_CHILD_H

#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>

typedef struct ending {
    int status;
    char said[4096];
} ending;

// What the child's exit code is when its function comes back.
#define CAME_BACK 42

// The child, up to its end. cmocka's handlers are its parent's.
static inline void be_the_child(int err, void (*run)(void *), void *argument) {
    const int signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE};
    for (size_t i = 0; i < COUNT(signals); i++) signal(signals[i], SIG_DFL);
    const struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    dup2(err, STDERR_FILENO);
    alarm(60);
    run(argument);
    _exit(CAME_BACK);
}

static inline ending in_a_child(void (*run)(void *), void *argument) {
    ending end = {0};
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) be_the_child(ends[1], run, argument);
    close(ends[1]);
    size_t length = 0;
    for (ssize_t n; (n = read(ends[0], end.said + length, sizeof end.said - 1 - length)) != 0;) {
        if (n < 0 && errno == EINTR) continue;
        assert_true(n > 0);
        length += (size_t)n;
    }
    close(ends[0]);
    assert_int_equal(waitpid(child, &end.status, 0), child);
    return end;
}

static inline bool was_aborted(const ending *end) {
    return WIFSIGNALED(end->status) && WTERMSIG(end->status) == SIGABRT;
}

static inline bool has_come_back(const ending *end) {
    return WIFEXITED(end->status) && WEXITSTATUS(end->status) == CAME_BACK;
}

#endif
