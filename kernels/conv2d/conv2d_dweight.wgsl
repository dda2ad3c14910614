// conv2d_dweight — the cotangent of conv2d's bank of kernels, in partial sums over the pixels.
//
//   dweight[p, u, v, ch, n] = Σ_k x[b, i·stride + u − pad, j·stride + v − pad, ch] · dy[k, n]
//
//   k = (b · hOut + i) · wOut + j, from p · span to min((p + 1) · span, pixels) − 1
//
//   x        f32[B, h, w, c]
//   dy       f32[pixels = B · hOut · wOut, o]
//   dweight  f32[ceil(pixels / span), rows = r · s · c, o]    for sum_rows to add
//
// A product of matrices whose left one, f32[rows, pixels], is gathered and never stored; tiles as
// in matmul, with (u, v, ch) for rows. Each sum runs over its pixels in order; its error is at most
// span units in the last place of the sum of magnitudes.

const ROWS: u32 = 8; // rows of a thread's tile
const LANES: u32 = 1; // threads that load their rows together (tile_own, tile_subgroup)
const WGX: u32 = 8; // threads along the channels; a multiple of LANES
const WGY: u32 = 8; // threads along the rows
const COLS: u32 = 4; // channels of a thread's tile: 4, or 2 for few channels

struct Params {
  pixels: u32, h: u32, w: u32, c: u32, hOut: u32, wOut: u32, o: u32,
  rows: u32, s: u32, stride: u32, padding: u32 /* pad */, span: u32 /* pixels of a partial sum */,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dweight: array<f32>;

// This thread's r-th row: u − padding and v − padding, which wrap around, and what its tap and
// channel add to the place of a pixel's first tap.
fn offset(row: u32, r: u32) -> vec3<u32> {
  let m = min(row + r * LANES, params.rows - 1u);
  let tap = m / params.c;
  let uv = vec2(tap / params.s, tap % params.s) - params.padding;
  return vec3(uv, (uv.x * params.w + uv.y) * params.c + m % params.c);
}

// corner: the row and column of x that a pixel's first tap has without padding; base: its place.
fn load_x(offset: vec3<u32>, corner: vec2<u32>, base: u32, r: u32) -> f32 {
  if (r * LANES >= ROWS) {
    return 0.0; // none of the tile's rows
  }
  let inside = corner.x + offset.x < params.h && corner.y + offset.y < params.w;
  return select(0.0, x[select(0u, base + offset.z, inside)], inside);
}

fn load_dy(at: vec4<u32>) -> vec4<f32> {
  if (COLS == 2u) {
    return vec4(dy[at.x], dy[at.y], 0.0, 0.0);
  }
  return vec4(dy[at.x], dy[at.y], dy[at.z], dy[at.w]);
}

fn store_row(part: u32, m: u32, col: u32, values: vec4<f32>) {
  for (var j = 0u; j < COLS; j++) {
    if (m < params.rows && col + j * WGX < params.o) {
      dweight[(part * params.rows + m) * params.o + col + j * WGX] = values[j];
    }
  }
}

@compute @workgroup_size(WGX, WGY)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_id) thread: vec3<u32>,
) {
  let across = (params.o + COLS * WGX - 1u) / (COLS * WGX);
  let down = (params.rows + ROWS * WGY - 1u) / (ROWS * WGY);
  let index = linear_workgroup(group, groups);
  let part = index / (across * down);
  let first = part * params.span;
  if (first >= params.pixels) {
    return; // uniform over the workgroup
  }
  let row = (index / across % down * WGY + thread.y) * ROWS;
  let col = index % across * COLS * WGX + thread.x;
  let m = row + thread.x % LANES;
  let offsets = array<vec3<u32>, 8>(
    offset(m, 0u), offset(m, 1u), offset(m, 2u), offset(m, 3u),
    offset(m, 4u), offset(m, 5u), offset(m, 6u), offset(m, 7u),
  );
  let cols = tile_cols(col, params.o);

  var tile = tile_start(vec4(0.0));
  let line = first / params.wOut;
  var at = vec3(line / params.hOut, line % params.hOut, first % params.wOut); // b, i, j of pixel k
  let end = min(first + params.span, params.pixels);
  for (var k = first; k < end; k++) {
    let corner = at.yz * params.stride;
    let base = ((at.x * params.h + corner.x) * params.w + corner.y) * params.c;
    let values = array<f32, 8>(
      load_x(offsets[0], corner, base, 0u), load_x(offsets[1], corner, base, 1u),
      load_x(offsets[2], corner, base, 2u), load_x(offsets[3], corner, base, 3u),
      load_x(offsets[4], corner, base, 4u), load_x(offsets[5], corner, base, 5u),
      load_x(offsets[6], corner, base, 6u), load_x(offsets[7], corner, base, 7u),
    );
    tile = tile_step(tile, values, load_dy(k * params.o + cols));
    at.z += 1u;
    if (at.z == params.wOut) {
      at = vec3(at.x, at.y + 1u, 0u);
      if (at.y == params.hOut) {
        at = vec3(at.x + 1u, 0u, 0u);
      }
    }
  }

  let quads = (min(ROWS, params.rows - min(row, params.rows)) + 3u) / 4u;
  for (var q = 0u; q < quads; q++) {
    let quad = tile_quad(tile, q);
    store_row(part, row + 4u * q, col, quad[0]);
    store_row(part, row + 4u * q + 1u, col, quad[1]);
    store_row(part, row + 4u * q + 2u, col, quad[2]);
    store_row(part, row + 4u * q + 3u, col, quad[3]);
  }
}
