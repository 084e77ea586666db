/* The page's files, byte for byte, in the binary, each with its size after it (see page_files.c). CodeMirror's are looked for
 * in the folders that the assembler is given with -I. */
    .macro file name, path
    .global page_\name, page_\name\()_size
page_\name:
    .incbin "\path"
page_\name\()_end:
    .balign 8
page_\name\()_size:
    .quad page_\name\()_end - page_\name
    .endm

    .section .rodata
    file index_html, "web/index.html"
    file page_css, "web/page.css"
    file code_css, "web/code.css"
    file page_js, "web/page.js"
    file editor_js, "web/editor.js"
    file events_js, "web/events.js"
    file examples_js, "web/examples.js"
    file json_js, "web/json.js"
    file menu_js, "web/menu.js"
    file output_js, "web/output.js"
    file share_js, "web/share.js"
    file tree_js, "web/tree.js"
    file codemirror_js, "lib/codemirror.js"
    file codemirror_css, "lib/codemirror.css"
    file codemirror_python_js, "mode/python/python.js"
    file codemirror_license, "web/codemirror-license.txt"
    .section .note.GNU-stack, "", %progbits
