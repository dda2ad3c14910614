// rgb_bytes — one pixel of an image kept as bytes, four to a u32, the lowest first.
//
// Pixel p is bytes 3p, 3p + 1 and 3p + 2 of its image: red, green, blue. They begin in the image's
// word rgb_word(p) and may end in the one after it.

fn rgb_word(pixel: u32) -> u32 {
  return (3u * pixel) >> 2u;
}

// The pixel's channels, 0 … 255, from word rgb_word(pixel) and the one after it. At the end of an
// image `next` may be anything: the last pixel does not reach into it.
fn rgb_bytes(pixel: u32, word: u32, next: u32) -> vec3<f32> {
  let shift = 8u * ((3u * pixel) & 3u);
  // In two steps, because a shift by 32 is a shift by 0.
  let bits = (word >> shift) | ((next << 1u) << (31u - shift));
  return vec3<f32>(vec3<u32>(bits, bits >> 8u, bits >> 16u) & vec3<u32>(255u));
}
