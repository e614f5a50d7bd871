// Tests as sentences: TEST("what holds") { CHECK(it_holds); }
#ifndef FUSEWIRE_TESTS_CHECK_HPP
#define FUSEWIRE_TESTS_CHECK_HPP

#include <cstdio>
#include <cstdlib>
#include <vector>

struct test_case {
    const char* name;
    void (*run)();
};

inline std::vector<test_case>& tests() {
    static std::vector<test_case> all;
    return all;
}

struct registers_test {
    registers_test(const char* name, void (*run)()) { tests().push_back({name, run}); }
};

inline const char*& running() {
    static const char* name = "";
    return name;
}

#define TEST_PASTE(a, b) a##b
#define TEST_NAMED(name, line)                                               \
    static void TEST_PASTE(test_, line)();                                   \
    static const registers_test TEST_PASTE(registers_, line)(name, TEST_PASTE(test_, line)); \
    static void TEST_PASTE(test_, line)()
#define TEST(name) TEST_NAMED(name, __LINE__)

#define CHECK(...)                                                                             \
    do {                                                                                       \
        if (!(__VA_ARGS__)) {                                                                  \
            std::fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, running(), #__VA_ARGS__); \
            std::exit(1);                                                                      \
        }                                                                                      \
    } while (false)

#endif
