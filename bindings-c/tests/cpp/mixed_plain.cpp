// A unit without exceptions, linked with one that has them: each keeps its own way.

#include <fusewire.hpp>

int calls_plainly(const fusewire::breaker& orders, int (*function)());

int calls_plainly(const fusewire::breaker& orders, int (*function)()) { return orders.try_call(function).value_or(-1); }
