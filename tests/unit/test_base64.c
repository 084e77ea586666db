/* Unit tests of base64: RFC 4648's vectors, every length, and all that strict decoding refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base64.h"

static const struct {
    const char *bytes, *text;
} vectors[] = {{"", ""},
               {"f", "Zg=="},
               {"fo", "Zm8="},
               {"foo", "Zm9v"},
               {"foob", "Zm9vYg=="},
               {"fooba", "Zm9vYmE="},
               {"foobar", "Zm9vYmFy"},
               {"\xff\xef\xbe", "/+++"}};

static void encode(const char *bytes, size_t size, size_t chunk, char *text) {
    struct base64_encoder encoder;
    size_t done = 0, part;
    base64_encoder_init(&encoder, bytes, size);
    while ((part = base64_encoder_read(&encoder, text + done, chunk)) > 0)
        done += part;
    assert_int_equal(done, base64_encoded_size(size));
    text[done] = '\0';
}

static void test_vectors(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        char text[16], bytes[16];
        encode(vectors[i].bytes, strlen(vectors[i].bytes), 16, text);
        assert_string_equal(text, vectors[i].text);
        ssize_t size = base64_decode(text, strlen(text), bytes);
        assert_int_equal(size, strlen(vectors[i].bytes));
        assert_memory_equal(bytes, vectors[i].bytes, (size_t)size);
    }
}

static void test_every_length_and_read_size(void **state) {
    (void)state;
    char bytes[300], text[500], back[500];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i * 7 + i / 256);
    for (size_t size = 0; size <= sizeof(bytes); size++) {
        encode(bytes, size, 1 + size % 9, text);
        memcpy(back, text, sizeof(back));
        /* In its own place, too. */
        assert_int_equal(base64_decode(back, strlen(text), back), size);
        assert_memory_equal(back, bytes, size);
    }
}

static void test_refusals(void **state) {
    (void)state;
    static const char *const texts[] = {"Z",
                                        "Zg",
                                        "Zg=",
                                        "=",
                                        "====",
                                        "Z===",
                                        "Zh==",
                                        "Zm9=",
                                        "Zg==Zg==",
                                        "Zm9v\n",
                                        "Zm 9",
                                        "Zm-_",
                                        "Zg=A",
                                        "=Zg=",
                                        "Zm9vZg=",
                                        "Zm9\xc3",
                                        "Zm9v\xff\xff\xff\xff"};
    char bytes[16];
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (base64_decode(texts[i], strlen(texts[i]), bytes) != -1)
            fail_msg("%s", texts[i]);
    assert_int_equal(base64_decode("Zm9\0", 4, bytes), -1);
}

/* Each of the 256 characters, at each place. */
static void test_alphabet(void **state) {
    (void)state;
    for (int character = 0; character < 256; character++)
        for (int place = 0; place < 4; place++) {
            char text[] = "AAAAAAAA", bytes[6];
            text[place] = (char)character;
            int valid = character && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                            "0123456789+/",
                                            character) != NULL;
            assert_int_equal(base64_decode(text, 8, bytes), valid ? 6 : -1);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_every_length_and_read_size),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_alphabet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
