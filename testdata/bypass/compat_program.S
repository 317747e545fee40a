/* A whole 32-bit program, without a C library, opens and reads the model.
 * To report: the model. */
	.globl _start
_start:
#ifdef __i386__
	mov	8(%esp), %ebx		/* argv[1] */
	mov	$5, %eax		/* open */
	xor	%ecx, %ecx
	xor	%edx, %edx
	int	$0x80
	test	%eax, %eax
	js	failed
	mov	%eax, %ebx
	sub	$64, %esp
	mov	$3, %eax		/* read */
	mov	%esp, %ecx
	mov	$64, %edx
	int	$0x80
	cmp	$64, %eax
	jne	failed
	cmpb	$'{', 8(%esp)
	jne	failed
	xor	%ebx, %ebx
	jmp	leave
failed:	mov	$1, %ebx
leave:	mov	$1, %eax		/* exit */
	int	$0x80
#else
#error "this row is for i386"
#endif
	.section .note.GNU-stack,"",@progbits
