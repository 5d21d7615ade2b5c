// Says hello over wasi:http, with the bindings that wit-bindgen made of world.wit.
#include "bindings/hello.h"
#include <stdlib.h>
#include <string.h>

// A blocking write takes at most this many bytes.
#define CHUNK_BYTES 4096

static hello_string_t string_of(const char *text) { return (hello_string_t){(uint8_t *)text, strlen(text)}; }

static hello_list_u8_t bytes_of(const char *text, size_t length) { return (hello_list_u8_t){(uint8_t *)text, length}; }

static wasi_http_types_own_fields_t build_headers(void) {
    wasi_http_types_own_fields_t headers = wasi_http_types_constructor_fields();
    const char *type = "text/plain; charset=utf-8";
    hello_string_t name = string_of("content-type");
    hello_list_u8_t value = bytes_of(type, strlen(type));
    wasi_http_types_header_error_t refused;
    wasi_http_types_method_fields_append(wasi_http_types_borrow_fields(headers), &name, &value, &refused);
    return headers;
}

// Hands the response over, and gives its body to be written.
static wasi_http_types_own_outgoing_body_t start_response(wasi_http_types_own_response_outparam_t outparam) {
    wasi_http_types_own_outgoing_response_t response = wasi_http_types_constructor_outgoing_response(build_headers());
    wasi_http_types_own_outgoing_body_t body;
    wasi_http_types_method_outgoing_response_body(wasi_http_types_borrow_outgoing_response(response), &body);
    wasi_http_types_result_own_outgoing_response_error_code_t result = {.is_err = false, .val = {.ok = response}};
    wasi_http_types_static_response_outparam_set(outparam, &result);
    return body;
}

// False when the client has gone.
static bool write_all(wasi_io_streams_own_output_stream_t stream, const char *text, size_t length) {
    for (size_t at = 0; at < length; at += CHUNK_BYTES) {
        size_t left = length - at;
        hello_list_u8_t chunk = bytes_of(text + at, left < CHUNK_BYTES ? left : CHUNK_BYTES);
        wasi_io_streams_stream_error_t error;
        if (!wasi_io_streams_method_output_stream_blocking_write_and_flush(wasi_io_streams_borrow_output_stream(stream), &chunk, &error)) {
            wasi_io_streams_stream_error_free(&error);
            return false;
        }
    }
    return true;
}

static void finish(wasi_http_types_own_outgoing_body_t body) {
    wasi_http_types_error_code_t error;
    if (!wasi_http_types_static_outgoing_body_finish(body, NULL, &error)) wasi_http_types_error_code_free(&error);
}

void exports_wasi_http_incoming_handler_handle(wasi_http_types_own_incoming_request_t request,
                                               wasi_http_types_own_response_outparam_t outparam) {
    hello_string_t path;
    bool has_path = wasi_http_types_method_incoming_request_path_with_query(wasi_http_types_borrow_incoming_request(request), &path);
    if (!has_path) hello_string_dup(&path, "/");

    wasi_http_types_own_outgoing_body_t body = start_response(outparam);
    wasi_io_streams_own_output_stream_t stream;
    wasi_http_types_method_outgoing_body_write(wasi_http_types_borrow_outgoing_body(body), &stream);
    const char *greeting = "Hello from C\npath: ";
    bool sent = write_all(stream, greeting, strlen(greeting)) && write_all(stream, (const char *)path.ptr, path.len) && write_all(stream, "\n", 1);
    wasi_io_streams_output_stream_drop_own(stream);
    // A body that is dropped unfinished tells the client that it is not whole.
    if (sent) finish(body);
    else wasi_http_types_outgoing_body_drop_own(body);

    hello_string_free(&path);
    wasi_http_types_incoming_request_drop_own(request);
}
