// fusewire.hpp: circuit breakers for C++17 and later, over fusewire.h.
//
//     fusewire::breaker payments("payments", options);    // or fusewire::registry::get_or_create
//     auto receipt = payments.call([&] { return pay(order); });
//
// `call` asks the breaker, runs the function and settles: an exception is a failure and reaches the caller as it is,
// anything else a success; `on_result` and `on_exception` say otherwise. A call that is turned away runs nothing and
// throws `fusewire::rejected`, which says why and when to come again.
//
// Without exceptions (-fno-exceptions), or for those who want none, every function that may fail has a `try_` form,
// which gives a `fusewire::result`: a value, a rejection or an error. The forms that throw are not there without
// exceptions. Neither needs run-time type information. Units of a program that are compiled either way may share these
// objects.
//
// `std::bad_alloc` comes out of what makes texts; a function that is `noexcept` ends the process in its place. The library
// itself ends the process when memory runs out.
//
// fusewire.h is the manual of what stands behind: threads, signals, fork, units. Every type here owns what it holds, and
// `get()` gives the handle for the functions of that header.
#ifndef FUSEWIRE_HPP
#define FUSEWIRE_HPP

#include "fusewire/breaker.hpp"
#include "fusewire/registry.hpp"

namespace fusewire {

/// The version of the library, such as `0.1.0`.
inline std::string_view version() noexcept { return detail::text_or_empty(fusewire_version()); }

/// Whether the library that is loaded serves programs built with this header.
inline bool is_served() noexcept { return FUSEWIRE_IS_SERVED(); }

/// The JSON schema of the configuration document.
inline std::string schema() {
    return detail::taken(fusewire_schema);
}

}  // namespace fusewire

#endif
