// rounded — numbers as elements of so many bits hold them: of 16, or of 32, which hold any.
//
// Rounds as cast_to_f16 does, so that a kernel that writes f16 makes the bits that a cast of its
// f32 would. Needs alias Vector.

fn rounded(x: Vector, element: u32) -> Vector {
  return select(x, quantizeToF16(x), element == 16u);
}
