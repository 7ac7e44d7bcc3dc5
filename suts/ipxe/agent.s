# What iPXE boots: a program of the kind that a network boot loads, which does what it is told on the
# second serial port. It asks iPXE by the two ways that boot loaders have: PXE's entry point, with
# iPXE's extension for its own commands, and INT 13h for the sectors of the disk.
#
# It says `greeting` once. Then orders come, each a byte and what belongs to it; all numbers are
# little-endian. Each is answered with a byte.
#
#   42  packet     reads sectors of the disk into the mailbox: answers status
#   43  packet     writes sectors of the mailbox to the disk: answers status
#   e5  command 0  has iPXE execute a command, as its prompt would: answers 0, or 1 when it failed
#
# The first two are INT 13h's function numbers, and their packet is its disk address packet (16
# bytes), whose buffer is the segment `buffer`, and whose count is 127 at most. The third one is PXE's.
# A status is INT 13h's, ff where that failed without one, and 0 for success.
#
# The mailbox is a drive of the machine, from its first sector on. A serial port would do, but each of
# its bytes costs an emulated processor as much as a sector of a drive.

        .intel_syntax noprefix
        .code16

        .equ    greeting, 'R'
        .equ    mailbox_drive, 0x80
        .equ    drive, 0x81
        .equ    buffer, 0x2000          # a segment: 64 KiB, far from iPXE, which keeps below 640 KiB
        .equ    sector_shift, 9
        .equ    file_exec, 0xe5         # PXENV_FILE_EXEC
        .equ    port, 0x2f8             # COM2
        .equ    line_status, port + 5
        .equ    interrupt, 0x0b         # IRQ 3

        .globl  _start
_start:                                 # at 0:7c00
        mov     bp, sp
        les     bx, [bp + 4]            # !PXE
        mov     eax, es:[bx + 0x10]     # its entry point
        xor     bx, bx
        mov     ds, bx
        mov     [entry], eax
        call    open_port
        mov     al, greeting
        call    put

next:   cld
        xor     ax, ax
        mov     ds, ax
        call    get
        cmp     al, file_exec
        je      execute
        mov     [function], al
        xor     ax, ax
        mov     es, ax
        mov     di, offset packet
        mov     cx, 16
        call    get_block
        mov     ax, [packet + 2]        # as many sectors of the mailbox
        mov     [mailbox + 2], ax
        cmp     byte ptr [function], 0x43
        jne     1f
        mov     ah, 0x42
        call    move_mail
        jc      failed
1:      mov     ah, [function]
        mov     dl, drive
        mov     si, offset packet
        call    move
        jc      failed
        cmp     byte ptr [function], 0x42
        jne     2f
        mov     ah, 0x43
        call    move_mail
        jc      failed
2:      mov     al, 0
        call    put
        jmp     next
failed: mov     al, ah
        test    al, al
        jnz     1f
        mov     al, 0xff
1:      call    put
        jmp     next

# INT 13h's ah, here for the mailbox. Returns its status in ah, and whether it failed in the carry.
move_mail:
        mov     dl, mailbox_drive
        mov     si, offset mailbox
move:   mov     al, 0                   # of a write: without verification
        int     0x13
        ret

execute:
        mov     di, offset command
1:      call    get
        mov     [di], al
        inc     di
        test    al, al
        jnz     1b
        mov     word ptr [command_at], offset command
        mov     word ptr [command_at + 2], ds
        push    ds                      # the parameters' segment and offset, and the function
        push    offset parameters
        push    file_exec
        lcall   [entry]
        add     sp, 6
        cmp     ax, 0
        setne   al
        call    put
        jmp     next

# cx bytes to es:di.
get_block:
        jcxz    2f
1:      call    get
        stosb
        loop    1b
2:      ret

# A byte that has come. Where none does at once, the processor sleeps until one does.
get:    mov     dx, line_status
        push    cx
        mov     cx, 1000
1:      in      al, dx
        test    al, 0x01                # there is one
        loopz   1b
        pop     cx
        jnz     3f
2:      cli
        in      al, dx
        test    al, 0x01
        jnz     3f
        sti
        hlt
        jmp     2b
3:      sti
        mov     dx, port
        in      al, dx
        ret

put:    push    ax
        mov     dx, line_status
1:      in      al, dx
        test    al, 0x20                # there is room for one
        jz      1b
        pop     ax
        mov     dx, port
        out     dx, al
        ret

# 115200 baud, 8 bits, with FIFOs, and an interrupt when bytes have come, which only ends a sleep.
open_port:
        mov     word ptr [interrupt * 4], offset wake
        mov     word ptr [interrupt * 4 + 2], 0
        mov     si, offset settings
1:      lodsw
        test    ah, ah
        jz      2f
        movzx   dx, ah
        add     dx, port - 1
        out     dx, al
        jmp     1b
2:      in      al, 0x21
        and     al, 0xf7
        out     0x21, al
        ret
wake:   push    ax
        mov     al, 0x20
        out     0x20, al
        pop     ax
        iret

settings:                               # value, and register + 1
        .byte   0x80, 4,  0x01, 1,  0x00, 2,  0x03, 4,  0xc7, 3,  0x0b, 5,  0x01, 2,  0, 0

        .balign 4
entry:  .long   0
packet: .skip   16
mailbox:                                # a packet, too: from sector 0 on
        .byte   16, 0
        .word   0, 0, buffer
        .quad   0
function: .byte 0
parameters:                             # of PXENV_FILE_EXEC
        .word   0                       # status
command_at:
        .word   0, 0
command:                                # 256 bytes of free memory
