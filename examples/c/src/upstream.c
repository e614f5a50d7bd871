#include "upstream.h"

#include "fail.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BUILD "cargo run --quiet --locked -p fusewire-upstream --"

static void become(const int input[2], const int output[2], double scale) {
    const char *given = getenv("FUSEWIRE_UPSTREAM");
    char command[512];
    snprintf(command, sizeof command, "exec %s --until-eof --scale %g", given && *given ? given : BUILD, scale);
    dup2(input[0], STDIN_FILENO);
    dup2(output[1], STDOUT_FILENO);
    for (int i = 0; i < 2; i++) {
        close(input[i]);
        close(output[i]);
    }
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

void upstream_start(upstream *it, double scale) {
    int input[2], output[2];
    if (pipe(input) != 0 || pipe(output) != 0) fail("no pipe to the upstream");
    it->process = fork();
    if (it->process < 0) fail("no process for the upstream");
    if (it->process == 0) become(input, output, scale);
    close(input[0]);
    close(output[1]);
    it->standard_input = input[1];
    it->standard_output = fdopen(output[0], "r");
    if (it->standard_output == NULL || fscanf(it->standard_output, "listening on %63s", it->url) != 1) {
        upstream_stop(it);
        fail("the upstream did not say where it listens");
    }
}

void upstream_stop(upstream *it) {
    close(it->standard_input);
    waitpid(it->process, NULL, 0);
    if (it->standard_output != NULL) fclose(it->standard_output);
}

static size_t append(char *data, size_t size, size_t count, void *to) {
    return fwrite(data, size, count, to) * size;
}

static json_t *ask(const upstream *it, const char *path, bool is_post) {
    char url[128];
    snprintf(url, sizeof url, "%s%s", it->url, path);
    char *body = NULL;
    size_t length = 0;
    FILE *to = open_memstream(&body, &length);
    CURL *curl = curl_easy_init();
    if (to == NULL || curl == NULL) fail("no memory for a request");
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, to);
    if (is_post) curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, "");
    const CURLcode done = curl_easy_perform(curl);
    curl_easy_cleanup(curl);
    fclose(to);
    json_t *answer = done == CURLE_OK ? json_loadb(body, length, 0, NULL) : NULL;
    if (answer == NULL) fail("%s: %s", url, done == CURLE_OK ? "no JSON" : curl_easy_strerror(done));
    free(body);
    return answer;
}

double upstream_play(const upstream *it) {
    json_t *answer = ask(it, "/start", true);
    const double seconds = json_number_value(json_object_get(answer, "script_remaining_ms")) / 1000;
    json_decref(answer);
    return seconds;
}

double upstream_phase(const upstream *it, char name[32]) {
    json_t *answer = ask(it, "/phase", false);
    snprintf(name, 32, "%s", json_string_value(json_object_get(answer, "phase")));
    const double seconds = json_number_value(json_object_get(answer, "elapsed_ms")) / 1000;
    json_decref(answer);
    return seconds;
}

json_t *upstream_stats(const upstream *it) { return ask(it, "/stats", false); }

long long upstream_count(const json_t *stats, const char *group, const char *name) {
    return json_integer_value(json_object_get(group == NULL ? stats : json_object_get(stats, group), name));
}
