#include "json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *must_have(void *memory) {
    if (memory == NULL) {
        fputs("run-vectors: out of memory\n", stderr);
        exit(2);
    }
    return memory;
}

char *json_file_text(const char *path, failure *wrong) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fail(wrong, "%s: %s", path, strerror(errno));
        return NULL;
    }
    size_t length = 0, room = 1 << 16;
    char *text = must_have(malloc(room));
    for (size_t got; (got = fread(text + length, 1, room - length - 1, file)) > 0;) {
        length += got;
        if (room - length - 1 == 0) {
            room *= 2;
            text = must_have(realloc(text, room));
        }
    }
    text[length] = '\0';
    bool is_whole = ferror(file) == 0 && strlen(text) == length;
    (void)fclose(file);
    if (!is_whole) {
        fail(wrong, "%s: it cannot be read, or has a NUL in it", path);
        free(text);
        return NULL;
    }
    return text;
}

json_t *json_parse(const char *text, failure *wrong) {
    json_error_t error;
    json_t *value = json_loads(text, 0, &error);
    if (value == NULL && json_error_code(&error) == json_error_numeric_overflow) {
        value = json_loads(text, JSON_DECODE_INT_AS_REAL, &error);
    }
    if (value == NULL) {
        fail(wrong, "line %d: %s", error.line, error.text);
    }
    return value;
}

const char *json_text(const json_t *object, const char *key) {
    return json_string_value(json_object_get(object, key));
}

uint64_t json_count(const json_t *object, const char *key, uint64_t otherwise) {
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? (uint64_t)json_number_value(value) : otherwise;
}

// ---- the text itself ----

static const char *past_space(const char *text) {
    return text + strspn(text, " \t\r\n");
}

static const char *past_string(const char *text) {
    for (text++; *text != '"'; text++) {
        text += *text == '\\';
    }
    return text + 1;
}

static const char *past_value(const char *text) {
    if (*text != '{' && *text != '[') {
        return *text == '"' ? past_string(text) : text + strcspn(text, " \t\r\n,]}");
    }
    size_t depth = 0;
    do {
        if (*text == '"') {
            text = past_string(text);
            continue;
        }
        depth += *text == '{' || *text == '[';
        depth -= *text == '}' || *text == ']';
        text++;
    } while (depth > 0);
    return text;
}

const char *json_raw_member(const char *text, const char *key) {
    const char *found = NULL;
    const size_t length = strlen(key);
    if (*text != '{') {
        return NULL;
    }
    for (text = past_space(text + 1); *text == '"'; text = past_space(text + (*text == ','))) {
        const char *end = past_string(text);
        bool is_it = (size_t)(end - text) == length + 2 && memcmp(text + 1, key, length) == 0;
        text = past_space(past_space(end) + 1);
        found = is_it ? text : found;
        text = past_space(past_value(text));
    }
    return found;
}

const char *json_raw_first(const char *text) {
    text = past_space(text + 1);
    return *text == ']' ? NULL : text;
}

const char *json_raw_next(const char *item) {
    item = past_space(past_value(item));
    return *item == ',' ? past_space(item + 1) : NULL;
}

char *json_raw_copy(const char *text) {
    const size_t length = (size_t)(past_value(text) - text);
    char *copy = must_have(malloc(length + 1));
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}
