"use strict";
// Draws the durations of a job's runs, over the picture that the server has
// drawn: the same marks, and the figures of each under the pointer. The data
// and the colours are the page's own.
(() => {
  // light-dark() and color-mix() are for style sheets: a canvas takes what the
  // browser makes of them.
  const probe = document.createElement("i");
  probe.hidden = true;
  document.body.append(probe);
  const solid = (name, alpha = 1) => {
    probe.style.color = alpha === 1 ? `var(${name})` : `color-mix(in srgb, var(${name}) ${alpha * 100}%, transparent)`;
    return getComputedStyle(probe).color;
  };
  const took = (ms) => (ms >= 60_000 ? `${Math.floor(ms / 60_000)} min ${Math.floor(ms / 1000) % 60} s` : ms >= 1000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms)} ms`);
  const when = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const part = (s, o) => new Date(s * 1000).toLocaleString("en-GB", { timeZone: "UTC", ...o });
  const clock = (s, i, all) => { // the day where it begins, the time elsewhere
    const day = part(s, { day: "numeric", month: "short" });
    return i === 0 || day !== part(all[i - 1], { day: "numeric", month: "short" }) ? day : part(s, { hour: "2-digit", minute: "2-digit" });
  };

  // One series for each kind of run, so that each has its own mark.
  const split = ([at, ms, state]) => [at, ...[0, 1, 2].map((kind) => ms.map((v, i) => (state[i] === kind ? v : null)))];
  const cross = (u, series) => {
    const path = new Path2D(), size = 3.5 * devicePixelRatio;
    for (let i = 0; i < u.data[0].length; i++) {
      if (u.data[series][i] === null) continue;
      const x = u.valToPos(u.data[0][i], "x", true), y = u.valToPos(u.data[series][i], "y", true);
      path.moveTo(x - size, y - size); path.lineTo(x + size, y + size);
      path.moveTo(x + size, y - size); path.lineTo(x - size, y + size);
    }
    return { stroke: path };
  };
  const options = (figure, plot) => ({
    width: plot.clientWidth || 600, height: 220, tzDate: (s) => uPlot.tzDate(new Date(s * 1000), "UTC"),
    cursor: { drag: { x: true, y: false }, points: { size: 7 } },
    scales: { y: { range: (_, min, max) => [0, Math.max(max, Number(figure.dataset.high) || 0, 1) * 1.08] } },
    axes: [
      { stroke: () => solid("--text-3"), grid: { show: false }, ticks: { stroke: () => solid("--line-2") }, space: 70, values: (_, all) => all.map(clock) },
      { stroke: () => solid("--text-3"), size: 64, grid: { stroke: () => solid("--line") }, ticks: { show: false }, values: (_, all) => all.map(took) },
    ],
    series: [
      { label: "Began, UTC", value: (_, v) => (v === null ? "–" : when.format(new Date(v * 1000))) },
      { label: "Run", paths: () => null, stroke: () => solid("--good"), points: { show: true, size: 5, fill: () => solid("--good") }, value: (_, v) => (v === null ? "–" : took(v)) },
      { label: "Unusual", paths: () => null, stroke: () => solid("--unknown"), points: { show: true, size: 7, fill: () => solid("--surface") }, value: (_, v) => (v === null ? "–" : took(v)) },
      { label: "Failed", paths: cross, stroke: () => solid("--bad"), width: 2, points: { show: false }, value: (_, v) => (v === null ? "–" : took(v)) },
    ],
    hooks: {
      drawClear: [(u) => {
        const low = Number(figure.dataset.low), high = Number(figure.dataset.high);
        if (!high) return;
        const top = u.valToPos(high, "y", true), bottom = u.valToPos(low, "y", true);
        u.ctx.fillStyle = solid("--accent", 0.1);
        u.ctx.fillRect(u.bbox.left, Math.max(top, u.bbox.top), u.bbox.width, Math.min(bottom, u.bbox.top + u.bbox.height) - Math.max(top, u.bbox.top));
      }],
    },
  });

  let drawn = null;
  const draw = () => {
    const figure = document.querySelector("[data-chart]"), plot = figure?.querySelector(".cron-plot");
    if (!plot) return;
    const points = figure.dataset.points;
    figure.dataset.live = "";
    if (drawn?.plot === plot && drawn.points === points) return;
    const data = split(JSON.parse(points));
    if (drawn?.plot === plot) {
      drawn.points = points;
      drawn.chart.setData(data);
      return;
    }
    drawn?.chart.destroy();
    plot.replaceChildren();
    drawn = { plot, points, chart: new uPlot(options(figure, plot), data, plot) };
    watch.observe(plot.parentElement);
  };
  const watch = new ResizeObserver(() => requestAnimationFrame(() => {
    if (drawn && drawn.plot.clientWidth !== drawn.chart.width) drawn.chart.setSize({ width: drawn.plot.clientWidth, height: 220 });
  }));
  // A press on the button for the colours, or the system's own change.
  const repaint = () => drawn?.chart.redraw(false, true);
  new MutationObserver(repaint).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  document.addEventListener("envdeck:round", draw);
  draw();
})();
