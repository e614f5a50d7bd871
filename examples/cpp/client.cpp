// A client of the upstream whose calls are guarded, through an outage that it makes itself: `client URL`.

#include <curl/curl.h>
#include <fusewire.hpp>

#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

using namespace std::chrono_literals;

// An answer that is no answer.
struct http_error : std::runtime_error {
    explicit http_error(long code) : runtime_error("status " + std::to_string(code)), status(code) {}
    long status;
};

// The server did not answer in time, or there is none.
struct connection_error : std::runtime_error {
    using runtime_error::runtime_error;
};

// Calls the upstream through a breaker. Everything about that is in `get` and the constructor.
class upstream_client {
public:
    explicit upstream_client(std::string url) : url_(std::move(url)), breaker_("upstream", rules()) {}

    // Throws what went wrong, or `fusewire::rejected` without having asked.
    std::string get(const std::string& path) {
        return breaker_.call([&] { return request("GET", path); },
                             fusewire::on_exception<http_error>([](const http_error& error) -> fusewire::verdict {
                                 // Whoever asks for what is not there says nothing about the upstream.
                                 if (error.status < 500) return fusewire::outcome::ignored;
                                 return {fusewire::outcome::failure, "http_" + std::to_string(error.status)};
                             }));
    }

    // Unguarded: tells the upstream what to do.
    void post(const std::string& path) { request("POST", path); }

    const fusewire::breaker& breaker() const { return breaker_; }

private:
    static fusewire::options rules() {
        fusewire::options rules;
        rules.failure_threshold = 3;
        rules.recovery_timeout = 1s;
        return rules;
    }

    static std::size_t append(char* data, std::size_t size, std::size_t count, void* to) {
        static_cast<std::string*>(to)->append(data, size * count);
        return size * count;
    }

    std::string request(const char* method, const std::string& path) {
        const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(), curl_easy_cleanup);
        std::string body;
        curl_easy_setopt(curl.get(), CURLOPT_URL, (url_ + path).c_str());
        curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, method);
        curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, 10000L);
        curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, append);
        curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &body);
        const CURLcode done = curl_easy_perform(curl.get());
        if (done != CURLE_OK) throw connection_error(curl_easy_strerror(done));
        long status = 0;
        curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
        if (status >= 400) throw http_error(status);
        return body;
    }

    std::string url_;
    fusewire::breaker breaker_;
};

// One call, told in a line.
static void call(upstream_client& client, const std::string& path = "/work") {
    try {
        client.get(path);
        std::cout << "answered";
    } catch (const fusewire::rejected& turned_away) {
        std::cout << "turned away (" << to_string(turned_away.reason()) << ")";
    } catch (const std::exception& error) {
        std::cout << "failed: " << error.what();
    }
    std::cout << ", " << to_string(client.breaker().state()) << '\n';
}

// Waits as long as the breaker says.
static void wait(const upstream_client& client) {
    if (const auto left = client.breaker().snapshot().retry_after()) std::this_thread::sleep_for(*left);
}

int main(int count, char** arguments) {
    if (count != 2) {
        std::cerr << "usage: client URL, such as http://127.0.0.1:40613: cargo run -p fusewire-upstream prints it\n";
        return 2;
    }
    try {
        upstream_client client(arguments[1]);
        const fusewire::subscription events = client.breaker().subscribe();
        for (const char* phase : {"healthy", "errors", "healthy"}) {
            client.post(std::string("/phase/") + phase);
            std::cout << "-- " << phase << '\n';
            wait(client);
            for (int n = 0; n < 4; n++) call(client);
        }
        call(client, "/nothing");
        while (const auto event = events.next()) {
            std::cout << to_string(event->from) << " -> " << to_string(event->to) << ": " << to_string(event->cause) << '\n';
        }
        const fusewire::snapshot seen = client.breaker().snapshot();
        std::cout << seen.success() << " succeeded, " << seen.failures() << " failed (" << seen.last_failure()->error_type
                  << "), " << seen.ignored() << " ignored, " << seen.rejected() << " turned away\n";
    } catch (const std::exception& error) {
        std::cerr << "client: " << error.what() << '\n';
        return 1;
    }
}
