// What the headers beside this one share: handles, and texts on their way in and out. Nothing here is for users.
#ifndef FUSEWIRE_DETAIL_HPP
#define FUSEWIRE_DETAIL_HPP

#include <fusewire.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

// Whether errors can be thrown in this translation unit.
#if defined(__cpp_exceptions) || defined(__EXCEPTIONS) || defined(_CPPUNWIND)
#define FUSEWIRE_HAS_EXCEPTIONS 1
#else
#define FUSEWIRE_HAS_EXCEPTIONS 0
#endif

// What is on no happy path and is to take no place there, and what is to be part of it.
#if defined(__GNUC__)
#define FUSEWIRE_COLD __attribute__((cold, noinline))
#define FUSEWIRE_INLINE __attribute__((always_inline)) inline
#else
#define FUSEWIRE_COLD
#define FUSEWIRE_INLINE inline
#endif

namespace fusewire::detail {

/// A default template argument of what differs by it, so that units compiled either way can be linked together.
inline constexpr bool has_exceptions = FUSEWIRE_HAS_EXCEPTIONS;

template <auto Free>
struct freed_by {
    template <class T>
    void operator()(T* object) const noexcept {
        Free(object);
    }
};

/// Owns a handle of the library.
template <class T, auto Free>
using handle = std::unique_ptr<T, freed_by<Free>>;

/// A text that the library gave away: `read(&text, &length)` is a function of it. Empty when that fails.
template <class Read>
std::string taken(Read&& read) {
    char* raw = nullptr;
    std::size_t length = 0;
    if (read(&raw, &length) != FUSEWIRE_OK) return {};
    const handle<char, fusewire_string_free> owned(raw);
    return std::string(raw, length);
}

/// A text for the library: it ends in a NUL. NULL when it was made of nothing; short ones need no memory.
class c_text {
public:
    explicit c_text(std::string_view view) {
        // A NUL within would be the end of it: another text than was meant.
        is_whole_ = view.find('\0') == std::string_view::npos;
        if (view.size() < sizeof short_) {
            if (!view.empty()) std::memcpy(short_, view.data(), view.size());
            short_[view.size()] = '\0';
            text_ = short_;
        } else {
            long_ = view;
            text_ = long_.c_str();
        }
    }

    c_text(const c_text&) = delete;
    c_text& operator=(const c_text&) = delete;

    const char* get() const noexcept { return text_; }
    /// NULL in place of an empty text, where that stands for none.
    const char* get_if_any() const noexcept { return *text_ == '\0' ? nullptr : text_; }
    bool is_whole() const noexcept { return is_whole_; }

private:
    bool is_whole_;
    const char* text_;
    std::string long_;
    char short_[256];
};

inline std::optional<std::uint64_t> if_there(std::uint64_t value) noexcept {
    if (value == FUSEWIRE_NONE) return std::nullopt;
    return value;
}

/// Nanoseconds of the library; what is more than 292 years is cut there.
inline std::chrono::nanoseconds nanoseconds(std::uint64_t value) noexcept {
    const auto most = static_cast<std::uint64_t>(std::chrono::nanoseconds::max().count());
    return std::chrono::nanoseconds(static_cast<std::int64_t>(value < most ? value : most));
}

inline std::optional<std::chrono::nanoseconds> nanoseconds_if_there(std::uint64_t value) noexcept {
    if (value == FUSEWIRE_NONE) return std::nullopt;
    return nanoseconds(value);
}

/// Nanoseconds for the library; what is negative is 0.
inline std::uint64_t count(std::chrono::nanoseconds duration) noexcept {
    return duration.count() < 0 ? 0 : static_cast<std::uint64_t>(duration.count());
}

}  // namespace fusewire::detail

#endif
