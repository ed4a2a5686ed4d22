/* The report page as bytes: app_page_begin up to app_page_end. */
    .section .rodata
    .global app_page_begin
    .global app_page_end
app_page_begin:
    .incbin PAGE
app_page_end:
    .byte 0
    .section .note.GNU-stack, "", %progbits
