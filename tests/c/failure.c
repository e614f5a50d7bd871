#include "failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool fail(failure *wrong, const char *format, ...) {
    va_list values;
    va_start(values, format);
    (void)vsnprintf(wrong->text, sizeof wrong->text, format, values);
    va_end(values);
    return false;
}

bool fail_at(failure *wrong, const char *format, ...) {
    char place[256];
    va_list values;
    va_start(values, format);
    (void)vsnprintf(place, sizeof place, format, values);
    va_end(values);
    size_t length = strlen(place);
    size_t kept = strlen(wrong->text);
    if (length + kept >= sizeof wrong->text) {
        kept = sizeof wrong->text - length - 1;
    }
    memmove(wrong->text + length, wrong->text, kept);
    memcpy(wrong->text, place, length);
    wrong->text[length + kept] = '\0';
    return false;
}

bool fail_unequal(failure *wrong, const char *what, const json_t *expected, const json_t *got) {
    const size_t flags = JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15);
    char *wanted = json_dumps(expected, flags);
    char *found = json_dumps(got, flags);
    fail(wrong, "%s: expected %s, got %s", what, wanted ? wanted : "nothing", found ? found : "nothing");
    free(wanted);
    free(found);
    return false;
}
