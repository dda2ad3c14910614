// conv2d_winograd_input — tiles of images at the points of F(4 × 4, 3 × 3).
//
//   v[6k + l, t, ch] = (Bᵀ d B)[k, l],   d[a, b] = x[image, 4i − 1 + a, 4j − 1 + b, ch]
//
//   ((image · down) + i) · across + j = first + t;  what lies beyond the border is zero
//
//   x  f32[B, h, w, c]
//   v  f32[36, tiles, c]    t < tiles; Bᵀ: kernels/lib/winograd.wgsl
//
// One thread per tile and channel; neighbours are neighbours in memory. The 36 numbers lie in
// registers, so channels go one by one: four at once would not fit.
//
// Source: Lavin & Gray 2016, arXiv:1509.09308, §4.

const WG: u32 = 64; // threads per workgroup

struct Params {
  h: u32, w: u32, c: u32,
  down: u32, across: u32, // tiles of an image: ceil(h / 4), ceil(w / 4)
  first: u32, tiles: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> v: array<f32>;

// Of a tile and channel; what lies before the border wraps around and so is beyond it.
struct Place { image: u32, row: u32, column: u32, channel: u32 }

fn pixel(line: u32, inside: bool, column: u32, channel: u32) -> f32 {
  let met = inside && column < params.w;
  return select(0.0, x[(line + select(0u, column, met)) * params.c + channel], met);
}

fn row_of_pixels(place: Place, a: u32) -> Line {
  let row = place.row + a;
  let inside = row < params.h;
  let line = (place.image * params.h + select(0u, row, inside)) * params.w;
  return line_of_pixels(Line(
    pixel(line, inside, place.column, place.channel),
    pixel(line, inside, place.column + 1u, place.channel),
    pixel(line, inside, place.column + 2u, place.channel),
    pixel(line, inside, place.column + 3u, place.channel),
    pixel(line, inside, place.column + 4u, place.channel),
    pixel(line, inside, place.column + 5u, place.channel),
  ));
}

fn put(at: u32, l: u32, pixels: Line) {
  let column = line_of_pixels(pixels);
  let step = params.tiles * params.c;
  v[at + l * step] = column[0];
  v[at + (EDGE + l) * step] = column[1];
  v[at + (2u * EDGE + l) * step] = column[2];
  v[at + (3u * EDGE + l) * step] = column[3];
  v[at + (4u * EDGE + l) * step] = column[4];
  v[at + (5u * EDGE + l) * step] = column[5];
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let at = linear_workgroup(group, groups) * WG + thread;
  if (at >= params.tiles * params.c) {
    return;
  }
  let tile = params.first + at / params.c;
  let row = tile / params.across;
  let corner = vec2(row % params.down, tile % params.across) * TILE - 1u;
  let place = Place(row / params.down, corner.x, corner.y, at % params.c);
  let a = row_of_pixels(place, 0u);
  let b = row_of_pixels(place, 1u);
  let c = row_of_pixels(place, 2u);
  let d = row_of_pixels(place, 3u);
  let e = row_of_pixels(place, 4u);
  let f = row_of_pixels(place, 5u);
  put(at, 0u, Line(a[0], b[0], c[0], d[0], e[0], f[0]));
  put(at, 1u, Line(a[1], b[1], c[1], d[1], e[1], f[1]));
  put(at, 2u, Line(a[2], b[2], c[2], d[2], e[2], f[2]));
  put(at, 3u, Line(a[3], b[3], c[3], d[3], e[3], f[3]));
  put(at, 4u, Line(a[4], b[4], c[4], d[4], e[4], f[4]));
  put(at, 5u, Line(a[5], b[5], c[5], d[5], e[5], f[5]));
}
