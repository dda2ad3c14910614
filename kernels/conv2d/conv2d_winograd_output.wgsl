// conv2d_winograd_output — tiles of images from their sums at the points of F(4 × 4, 3 × 3).
//
//   y[image, 4i + a, 4j + b, ch] = (Aᵀ M A)[a, b],   M[k, l] = m[6k + l, t, ch],   a, b < 4
//
//   ((image · down) + i) · across + j = first + t;  what lies beyond the border is left out
//
//   m  f32[36, tiles, c]    t < tiles; Aᵀ: kernels/lib/winograd.wgsl
//   y  f32[B, h, w, c]      updated; pixels of other tiles stay
//
// One thread per tile and channel; neighbours are neighbours in memory.
//
// Source: Lavin & Gray 2016, arXiv:1509.09308, §4.

const WG: u32 = 64; // threads per workgroup

struct Params {
  h: u32, w: u32, c: u32,
  down: u32, across: u32, // tiles of an image: ceil(h / 4), ceil(w / 4)
  first: u32, tiles: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> m: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

fn column_of_sums(at: u32, l: u32) -> vec4<f32> {
  let step = params.tiles * params.c;
  return line_of_sums(Line(
    m[at + l * step], m[at + (EDGE + l) * step],
    m[at + (2u * EDGE + l) * step], m[at + (3u * EDGE + l) * step],
    m[at + (4u * EDGE + l) * step], m[at + (5u * EDGE + l) * step],
  ));
}

// `line` is the image's first row among all.
fn put(line: u32, corner: vec2<u32>, a: u32, channel: u32, sums: Line) {
  let row = line_of_sums(sums);
  let i = corner.x + a;
  let at = ((line + i) * params.w + corner.y) * params.c + channel;
  for (var b = 0u; b < TILE; b++) {
    if (i < params.h && corner.y + b < params.w) {
      y[at + b * params.c] = row[b];
    }
  }
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
  let channel = at % params.c;
  let tile = params.first + at / params.c;
  let row = tile / params.across;
  let corner = vec2(row % params.down, tile % params.across) * TILE;
  let line = row / params.down * params.h;
  let a = column_of_sums(at, 0u);
  let b = column_of_sums(at, 1u);
  let c = column_of_sums(at, 2u);
  let d = column_of_sums(at, 3u);
  let e = column_of_sums(at, 4u);
  let f = column_of_sums(at, 5u);
  put(line, corner, 0u, channel, Line(a[0], b[0], c[0], d[0], e[0], f[0]));
  put(line, corner, 1u, channel, Line(a[1], b[1], c[1], d[1], e[1], f[1]));
  put(line, corner, 2u, channel, Line(a[2], b[2], c[2], d[2], e[2], f[2]));
  put(line, corner, 3u, channel, Line(a[3], b[3], c[3], d[3], e[3], f[3]));
}
