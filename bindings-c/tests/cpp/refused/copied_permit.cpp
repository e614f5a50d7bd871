// A permit settles once, so it is not copied.
#include <fusewire.hpp>
fusewire::permit handed_on(fusewire::permit given) {
#ifdef WRONG
    return fusewire::permit(static_cast<const fusewire::permit&>(given));
#else
    return fusewire::permit(std::move(given));
#endif
}
