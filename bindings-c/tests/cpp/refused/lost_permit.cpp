// A permit that nobody takes would be given up at once.
#include <fusewire.hpp>
void asks(const fusewire::breaker& orders) {
#ifdef WRONG
    orders.try_acquire();
#else
    (void)orders.try_acquire();
#endif
}
