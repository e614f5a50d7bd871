// Attempts must not outlive the breaker that began them.
#include <fusewire.hpp>
bool begins(const fusewire::registry& services) {
#ifdef WRONG
    return services.find("orders").value().try_begin().has_value();
#else
    const fusewire::breaker orders = services.find("orders").value();
    return orders.try_begin().has_value();
#endif
}
