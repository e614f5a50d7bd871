#include "check.hpp"

int main() {
    for (const test_case& test : tests()) {
        running() = test.name;
        test.run();
    }
    std::printf("%zu passed\n", tests().size());
}
