/**
 * Bad input from the person who runs the program, as against a fault of the program itself.
 *
 * The message has the house form `where: what must hold; what was found; what to do`. The command
 * line prints the message alone and exits with code 2; anything else that is thrown is a bug and
 * keeps its stack.
 */
export class UserError extends Error {
  override readonly name = "UserError";
}
