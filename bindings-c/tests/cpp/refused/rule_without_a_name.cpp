// A rule says what it is for.
#include <fusewire.hpp>
int calls(const fusewire::breaker& orders) {
    const auto rule = [](int) { return fusewire::outcome::ignored; };
#ifdef WRONG
    return orders.try_call([] { return 1; }, rule).value_or(0);
#else
    return orders.try_call([] { return 1; }, fusewire::on_result(rule)).value_or(0);
#endif
}
