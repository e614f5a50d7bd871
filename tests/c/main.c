// Runs the conformance vectors through `fusewire.h`: run-vectors-c [--vectors DIR] [--filter TEXT].
// Exits with 1 when a case fails or there is none, with 2 when it could not run.

#define _POSIX_C_SOURCE 200809L

#include "case.h"
#include "json.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct options {
    const char *vectors;
    const char *filter;
} options;

static unsigned passed, failed, skipped;

static bool read_options(int count, char **arguments, options *wanted, failure *wrong) {
    for (int i = 1; i < count; i += 2) {
        const char **place = strcmp(arguments[i], "--vectors") == 0  ? &wanted->vectors
                             : strcmp(arguments[i], "--filter") == 0 ? &wanted->filter
                                                                     : NULL;
        if (place == NULL) {
            return fail(wrong, "unknown argument %s; known: --vectors DIR, --filter TEXT", arguments[i]);
        }
        if (i + 1 == count) {
            return fail(wrong, "%s needs a value", arguments[i]);
        }
        *place = arguments[i + 1];
    }
    return true;
}

static char *path_of(const char *folder, const char *name) {
    const size_t room = strlen(folder) + strlen(name) + 2;
    char *path = must_have(malloc(room));
    (void)snprintf(path, room, "%s/%s", folder, name);
    return path;
}

// A file's value and, to be freed, its text.
static json_t *read_json(const char *folder, const char *name, char **text, failure *wrong) {
    char *path = path_of(folder, name);
    *text = json_file_text(path, wrong);
    json_t *value = NULL;
    if (*text != NULL && (value = json_parse(*text, wrong)) == NULL) {
        (void)fail_at(wrong, "%s: ", path);
        free(*text);
    }
    free(path);
    return value;
}

// ---- which files ----

static json_t *listed(const char *folder, failure *wrong) {
    char *text;
    json_t *index = read_json(folder, "index.json", &text, wrong);
    if (index == NULL) {
        return NULL;
    }
    free(text);
    json_t *files = json_is_object(index) ? json_object_get(index, "files") : index;
    if (json_is_array(files)) {
        json_incref(files);
    } else {
        (void)fail(wrong, "index.json lists no files");
        files = NULL;
    }
    json_decref(index);
    return files;
}

static int is_topic(const struct dirent *entry) {
    const size_t length = strlen(entry->d_name);
    return length > 5 && strcmp(entry->d_name + length - 5, ".json") == 0 && strcmp(entry->d_name, "schema.json") != 0;
}

static json_t *found(const char *folder, failure *wrong) {
    struct dirent **entries;
    const int count = scandir(folder, &entries, is_topic, alphasort);
    if (count < 0) {
        (void)fail(wrong, "%s: it cannot be read", folder);
        return NULL;
    }
    json_t *files = must_have(json_array());
    for (int i = 0; i < count; i++) {
        (void)json_array_append_new(files, json_string(entries[i]->d_name));
        free(entries[i]);
    }
    free(entries);
    return files;
}

// The files of a folder: those of its index, or all `.json` files when it has none.
static json_t *files_of(const char *folder, failure *wrong) {
    char *index = path_of(folder, "index.json");
    bool has_index = access(index, F_OK) == 0;
    free(index);
    return (has_index ? listed : found)(folder, wrong);
}

// ---- the cases ----

static void run_case(const char *file, const char *name, const json_t *given, const char *raw) {
    const char *reason = json_text(json_object_get(given, "skip"), "c");
    failure wrong = {""};
    if (reason != NULL) {
        skipped++;
        printf("skipped %s: %s: %s\n", file, name, reason);
    } else if (case_run(given, raw, &wrong)) {
        passed++;
    } else {
        failed++;
        printf("FAILED %s: %s: %s\n", file, name, wrong.text);
    }
}

static bool run_file(const options *wanted, const char *file, failure *wrong) {
    char *text;
    json_t *document = read_json(wanted->vectors, file, &text, wrong);
    if (document == NULL) {
        return false;
    }
    const json_t *cases = json_object_get(document, "cases"), *given;
    const char *topic = json_text(document, "topic");
    const char *list = json_is_array(cases) ? json_raw_member(strchr(text, '{'), "cases") : NULL;
    const char *raw = list ? json_raw_first(list) : NULL;
    size_t i;
    json_array_foreach(cases, i, given) {
        const char *name = json_text(given, "name");
        name = name ? name : "unnamed";
        if (strstr(file, wanted->filter) || (topic && strstr(topic, wanted->filter)) || strstr(name, wanted->filter)) {
            run_case(file, name, given, raw);
        }
        raw = json_raw_next(raw);
    }
    json_decref(document);
    free(text);
    return list != NULL || fail(wrong, "%s: no cases", file);
}

static bool run_all(const options *wanted, failure *wrong) {
    json_t *files = files_of(wanted->vectors, wrong);
    bool has_run = files != NULL;
    size_t i;
    const json_t *file;
    json_array_foreach(files, i, file) {
        const char *name = json_string_value(file);
        has_run = has_run && name != NULL && run_file(wanted, name, wrong);
    }
    json_decref(files);
    return has_run;
}

int main(int count, char **arguments) {
    options wanted = {.vectors = "tests/vectors", .filter = ""};
    failure wrong = {"a name of a file that is no text"};
    if (!FUSEWIRE_IS_SERVED()) {
        (void)fail(&wrong, "the library, %s, does not serve the header, %s", fusewire_version(), FUSEWIRE_VERSION);
    } else if (read_options(count, arguments, &wanted, &wrong) && run_all(&wanted, &wrong)) {
        printf("%u passed, %u failed, %u skipped\n", passed, failed, skipped);
        return failed > 0 || passed + skipped == 0 ? 1 : 0;
    }
    (void)fprintf(stderr, "run-vectors: %s\n", wrong.text);
    return 2;
}
