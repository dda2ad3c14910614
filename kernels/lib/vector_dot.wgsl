// vector_dot — products of Vectors, summed over their elements.
//
// vec4<f32>(x) repeats a scalar and keeps a vec4, so that one text serves both; the factor, a power
// of two, undoes the repetition exactly.
//
// Needs `const VECTOR: u32` and `alias Vector`.

fn vector_dot(a: Vector, b: Vector) -> f32 {
  return dot(vec4<f32>(a) * (f32(VECTOR) / 4.0), vec4<f32>(b));
}
