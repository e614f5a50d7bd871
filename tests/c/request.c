#include "request.h"

#include "case.h"
#include "expect.h"
#include "json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

bool request_priority(const json_t *written, fusewire_priority *priority, fusewire_error **error) {
    const fusewire_status status =
        json_is_string(written) ? fusewire_priority_parse(json_string_value(written), priority, error)
                                : fusewire_priority_of_number(json_number_value(written), priority, error);
    return status == FUSEWIRE_OK;
}

// What the type of a field has no room for.
static bool no_room(request_error *refused, const char *key, const json_t *written) {
    char *shown = json_dumps(written, JSON_ENCODE_ANY);
    refused->key = key;
    (void)snprintf(refused->message, sizeof refused->message, "%s is no value of its type", shown ? shown : "nothing");
    free(shown);
    return false;
}

bool request_of(const json_t *step, fusewire_request *request, bool *is_there, request_error *refused) {
    const json_t *written = json_object_get(step, "request"), *part;
    *request = (fusewire_request)FUSEWIRE_REQUEST_INIT;
    *is_there = written != NULL;
    if ((part = json_object_get(written, "priority")) != NULL &&
        !request_priority(part, &request->priority, &refused->error)) {
        return false;
    }
    if ((part = json_object_get(written, "cost")) != NULL) {
        const double cost = json_number_value(part);
        if (!json_is_number(part) || cost < 0 || cost > UINT32_MAX || floor(cost) < cost) {
            return no_room(refused, "cost", part);
        }
        request->cost = (uint32_t)cost;
    }
    request->feature = json_text(written, "feature");
    request->method = json_text(written, "method");
    request->key = json_text(written, "key");
    request->idempotent = json_is_true(json_object_get(written, "idempotent"));
    // One that is said not to be is one that can be made once.
    request->once = json_is_true(json_object_get(written, "once")) || json_is_false(json_object_get(written, "idempotent"));
    failure unread;
    if ((part = json_object_get(written, "deadline")) != NULL && !expect_nanos(part, &request->deadline_ns, &unread)) {
        return no_room(refused, "deadline", part);
    }
    return true;
}

bool request_refused(request_error *refused, const json_t *expected, failure *wrong) {
    const char *key = refused->error ? fusewire_error_key(refused->error) : refused->key;
    const char *message = refused->error ? fusewire_error_message(refused->error) : refused->message;
    bool fits = expected == NULL ? fail(wrong, "the request is wrong: %s: %s", key ? key : "?", message ? message : "?")
                                 : case_error_fits(key, message, expected, wrong);
    fusewire_error_free(refused->error);
    refused->error = NULL;
    return fits;
}
