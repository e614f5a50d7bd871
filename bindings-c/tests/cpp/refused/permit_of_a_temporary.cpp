// A permit must not outlive the breaker that gave it.
#include <fusewire.hpp>
bool asks(const fusewire::registry& services) {
#ifdef WRONG
    return services.find("orders").value().try_acquire().has_value();
#else
    const fusewire::breaker orders = services.find("orders").value();
    return orders.try_acquire().has_value();
#endif
}
