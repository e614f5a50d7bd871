// Compiled to assembly: see ci/test-cpp.sh.

#include <fusewire.hpp>

void work();

extern "C" void happy_call(const fusewire::breaker& orders) {
    orders.call([] { work(); });
}

extern "C" void happy_try_call(const fusewire::breaker& orders) {
    (void)orders.try_call([] { work(); });
}
