// Names and their breakers. Include <fusewire.hpp>.
#ifndef FUSEWIRE_REGISTRY_HPP
#define FUSEWIRE_REGISTRY_HPP

#include "breaker.hpp"

#include <vector>

namespace fusewire {

/// Maps a name to its breaker. It moves and is not copied: pass it by reference. Threads may share it. A breaker lives on
/// when its registry is gone, as long as there is a handle of it.
class registry {
public:
    /// An empty registry. `clock`: the clock of its breakers; NULL for the system's monotonic one. `duration_bounds`: upper
    /// bounds of the histograms of call durations, ascending, 1 to 64 of them; none for the usual ones. Errors: `config`.
    static result<registry> try_create(const manual_clock* clock = nullptr,
                                       const std::vector<std::chrono::nanoseconds>& duration_bounds = {}) {
        std::vector<std::uint64_t> bounds;
        for (const std::chrono::nanoseconds bound : duration_bounds) bounds.push_back(detail::count(bound));
        fusewire_registry* made = nullptr;
        fusewire_error* detail = nullptr;
        const fusewire_status answer =
            fusewire_registry_new(clock == nullptr ? nullptr : clock->get(), bounds.empty() ? nullptr : bounds.data(),
                                  bounds.size(), &made, &detail);
        if (answer != FUSEWIRE_OK) return error(static_cast<status>(answer), detail);
        return registry(made);
    }

    /// An empty registry with the system's clock and the usual bounds.
    registry() noexcept : registry(plain()) {}
    /// Takes over a handle of the C interface.
    explicit registry(fusewire_registry* handle) noexcept : handle_(handle) {}
#if FUSEWIRE_HAS_EXCEPTIONS
    /// As `try_create`; throws its error.
    explicit registry(const manual_clock& clock, const std::vector<std::chrono::nanoseconds>& duration_bounds = {})
        : registry(try_create(&clock, duration_bounds).value()) {}
#endif

    /// The breaker of that name, built if there is none: every thread gets the same one. Errors: those of
    /// `breaker::try_create`, and `conflict` when it is there with another configuration.
    result<breaker> try_get_or_create(std::string_view name, const options& how = {}) const {
        const detail::c_text c_name(name);
        const detail::c_options c_how(how);
        if (!c_name.is_whole() || !c_how.is_whole()) return error(status::invalid_value);
        fusewire_breaker* found = nullptr;
        fusewire_error* detail = nullptr;
        const fusewire_status answer =
            fusewire_registry_get_or_create(get(), c_name.get(), c_how.get(), &found, &detail);
        if (answer != FUSEWIRE_OK) return error(static_cast<status>(answer), detail);
        return breaker(found);
    }
    /// Swaps the rules of the breaker of that name for those of `document`, JSON text. Gives whether they were others
    /// before. Errors: `unknown_breaker`, and those of `breaker::try_reconfigure`.
    result<bool> try_reconfigure(std::string_view name, std::string_view document, const by& whom = {}) const {
        const detail::c_text c_name(name), text(document), actor(whom.actor), reason(whom.reason);
        if (!c_name.is_whole() || !text.is_whole() || !actor.is_whole() || !reason.is_whole()) {
            return error(status::invalid_value);
        }
        fusewire_error* detail = nullptr;
        const fusewire_status answer = fusewire_registry_reconfigure(
            get(), c_name.get(), text.get(), actor.get_if_any(), reason.get_if_any(), &detail);
        if (FUSEWIRE_IS_ERROR(answer)) return error(static_cast<status>(answer), detail);
        return answer == FUSEWIRE_OK;
    }

#if FUSEWIRE_HAS_EXCEPTIONS
    /// As `try_get_or_create`; throws its error.
    breaker get_or_create(std::string_view name, const options& how = {}) const {
        return try_get_or_create(name, how).value();
    }
    /// As `try_reconfigure`; throws its error.
    bool reconfigure(std::string_view name, std::string_view document, const by& whom = {}) const {
        return try_reconfigure(name, document, whom).value();
    }
#endif

    /// The breaker of that name; nothing when there is none.
    std::optional<breaker> find(std::string_view name) const noexcept {
        const detail::c_text c_name(name);
        fusewire_breaker* found = nullptr;
        if (!c_name.is_whole() || fusewire_registry_get(get(), c_name.get(), &found) != FUSEWIRE_OK) return std::nullopt;
        return breaker(found);
    }
    /// Takes the breaker of that name out of the registry, and out of its metrics; tells whether there was one. Its handles
    /// stay, and calls in flight settle harmlessly.
    bool remove(std::string_view name) const noexcept {
        const detail::c_text c_name(name);
        return c_name.is_whole() && fusewire_registry_remove(get(), c_name.get()) == FUSEWIRE_OK;
    }
    /// How many breakers there are.
    std::size_t size() const noexcept { return fusewire_registry_count(get()); }
    /// The breakers that are there, sorted by name. One that comes or goes meanwhile may be missing.
    std::vector<breaker> breakers() const {
        std::vector<fusewire_breaker*> raw(size());
        std::vector<breaker> found;
        found.reserve(raw.size());
        std::size_t count = 0;
        fusewire_registry_breakers(get(), raw.data(), raw.size(), &count);
        for (std::size_t i = 0; i < count; i++) found.emplace_back(raw[i]);
        return found;
    }
    /// The metrics of all breakers as OpenMetrics 1.0 text. Serve it as `metrics_content_type()`.
    std::string metrics() const {
        return detail::taken([&](char** to, std::size_t* length) {
            return fusewire_registry_metrics(get(), to, length);
        });
    }
    /// Snapshots of all breakers, sorted by name, as a JSON array.
    std::string snapshots_json() const {
        return detail::taken([&](char** to, std::size_t* length) {
            return fusewire_registry_snapshots_json(get(), to, length);
        });
    }
    /// The handle of the C interface, which stays this object's; NULL when it was moved from.
    fusewire_registry* get() const noexcept { return handle_.get(); }

private:
    static fusewire_registry* plain() noexcept {
        fusewire_registry* made = nullptr;
        fusewire_registry_new(nullptr, nullptr, 0, &made, nullptr);
        return made;
    }

    detail::handle<fusewire_registry, fusewire_registry_free> handle_;
};

/// The content type under which metrics are served.
inline std::string_view metrics_content_type() noexcept {
    return detail::text_or_empty(fusewire_metrics_content_type());
}

}  // namespace fusewire

#endif
