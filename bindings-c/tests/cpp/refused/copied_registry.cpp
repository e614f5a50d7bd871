// A registry is passed by reference.
#include <fusewire.hpp>
#ifdef WRONG
std::size_t size_of(const fusewire::registry& services) { return fusewire::registry(services).size(); }
#else
std::size_t size_of(const fusewire::registry& services) { return services.size(); }
#endif
