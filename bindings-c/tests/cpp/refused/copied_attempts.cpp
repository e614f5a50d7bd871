// A call goes on in one place, so its attempts are not copied.
#include <fusewire.hpp>
fusewire::attempts handed_on(fusewire::attempts begun) {
#ifdef WRONG
    return fusewire::attempts(static_cast<const fusewire::attempts&>(begun));
#else
    return fusewire::attempts(std::move(begun));
#endif
}
