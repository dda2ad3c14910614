// quantise_rows — rows with fewer bits an element, several to a word, and how far off they are.
//
//   q[r,c]     = x[r,c] to f16, 0 below 2⁻¹⁴          scale[r] = 1                      BITS = 16
//   q[r,c]     = round(x[r,c] / scale[r])             scale[r] = max_c |x[r,c]| / 127   BITS = 8
//   error[r]   ≥ ‖x[r,·] − scale[r] · q[r,·]‖
//   length[r]  ≥ ‖x[r,·]‖, ‖scale[r] · q[r,·]‖
//
//   x       f32[rows, cols]
//   words   u32[rows, width]    q, the first in the lowest bits; zeros from column cols on
//   bounds  f32[rows, 3]        scale, length, error; 1, 1 and 2¹¹⁰ (UNKNOWN) for rows that are
//                               longer than 2¹⁵ or hold what is no number
//
// LANES threads per row, which stride over its words; WG / LANES rows per workgroup. The error is
// measured on what was stored, so it does not matter how an adapter rounds: on the bits, since a
// compiler (Mesa's, for one) takes unpacking what was packed for no rounding at all. Both norms are
// enlarged by 2⁻¹⁰ and by 2⁻²² for each column, more than their own sums can be off, and by 2⁻⁴⁰,
// more than underflow can take.
//
// Source: derived here.

const WG: u32 = 64; // threads per workgroup
const LANES: u32 = 8; // threads per row; divides WG (lanes)
const BITS: u32 = 16; // of an element: 16, or 8
const ITEMS: u32 = 32u / BITS; // elements of a word
const STEPS: f32 = 127.0; // the largest integer
const TINY: f32 = 9.094947e-13; // 2⁻⁴⁰
const UNKNOWN: f32 = 1.2980742e33; // 2¹¹⁰
const LONGEST: u32 = 0x4e800000u; // 2³⁰, the square of 2¹⁵, as bits: NaN and infinity have more
const LEAST_HALF: f32 = 6.1035156e-5; // 2⁻¹⁴, below which f16 loses bits and adapters may lose all

struct Params {
  cols: u32, width: u32 /* words of a row */, window_first: u32, window_rows: u32 /* all bound */,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> words: array<u32>;
@group(0) @binding(3) var<storage, read_write> bounds: array<f32>;

fn element(r: u32, c: u32) -> f32 {
  if (c >= params.cols) {
    return 0.0;
  }
  return x[r * params.cols + c];
}

fn elements(r: u32, word: u32) -> vec4<f32> {
  let c = word * ITEMS;
  let two = vec2(element(r, c), element(r, c + 1u));
  if (BITS == 16u) {
    return vec4(two, 0.0, 0.0);
  }
  return vec4(two, element(r, c + 2u), element(r, c + 3u));
}

fn packed(values: vec4<f32>, scale: f32) -> u32 {
  if (BITS == 16u) {
    return pack2x16float(select(values.xy, vec2(0.0), abs(values.xy) < vec2(LEAST_HALF)));
  }
  return pack4x8snorm(values / (scale * STEPS));
}

fn unpacked(word: u32, scale: f32) -> vec4<f32> {
  if (BITS == 16u) {
    let halves = vec2(word & 0xffffu, word >> 16u);
    let size = halves & vec2(0x7fffu);
    let bits = ((halves & vec2(0x8000u)) << vec2(16u)) + (size << vec2(13u)) + (112u << 23u);
    return vec4(select(bitcast<vec2<f32>>(bits), vec2(0.0), size == vec2(0u)), 0.0, 0.0);
  }
  let shifted = vec4(word << 24u, word << 16u, word << 8u, word);
  return vec4<f32>(bitcast<vec4<i32>>(shifted) >> vec4(24u)) * scale;
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let r = linear_workgroup(group, groups) * (WG / LANES) + thread / LANES;
  let lane = thread % LANES;
  let end = select(0u, params.width, r < params.window_rows);
  var scale = 1.0;
  if (BITS == 8u) {
    var most = vec4(TINY);
    for (var w = lane; w < end; w += LANES) {
      most = max(most, abs(elements(r, w)));
    }
    scale = lanes_max(thread, max(max(most.x, most.y), max(most.z, most.w))) / STEPS;
  }
  var squares = 0.0;
  var off = 0.0;
  for (var w = lane; w < end; w += LANES) {
    let values = elements(r, w);
    let word = packed(values, scale);
    let missed = values - unpacked(word, scale);
    words[r * params.width + w] = word;
    squares += dot(values, values);
    off += dot(missed, missed);
  }
  squares = lanes_sum(thread, squares);
  off = lanes_sum(thread, off);
  if (lane > 0u || r >= params.window_rows) {
    return;
  }
  let known = bitcast<u32>(squares) <= LONGEST && bitcast<u32>(off) <= LONGEST;
  let enlarged = 1.0 + 0.0009765625 + f32(params.cols) * 2.3841858e-7; // 2⁻¹⁰, 2⁻²²
  let error = sqrt(off) * enlarged + TINY;
  bounds[3u * r] = select(1.0, scale, known);
  bounds[3u * r + 1u] = select(1.0, sqrt(squares) * enlarged + TINY + error, known);
  bounds[3u * r + 2u] = select(UNKNOWN, error, known);
}
