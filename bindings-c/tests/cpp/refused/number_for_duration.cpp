// A number has no unit.
#include <fusewire.hpp>
fusewire::options patient() {
    fusewire::options how;
#ifdef WRONG
    how.recovery_timeout = 30;
#else
    how.recovery_timeout = std::chrono::seconds(30);
#endif
    return how;
}
