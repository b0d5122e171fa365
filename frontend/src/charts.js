// <figure data-chart="{…}">: draws what cxm/web/charts.py prepared. Texts and labels come ready from there.
import * as echarts from 'echarts/core';
import { BarChart, CustomChart, LineChart } from 'echarts/charts';
import { GridComponent, MarkLineComponent, TooltipComponent } from 'echarts/components';
import { SVGRenderer } from 'echarts/renderers';
import { options } from './chart-kinds.js';
import { save } from './chart-save.js';

echarts.use([BarChart, CustomChart, LineChart, GridComponent, MarkLineComponent, TooltipComponent, SVGRenderer]);

const drawn = new Map();
const still = window.matchMedia('(prefers-reduced-motion: reduce)');

function palette(figure) {
  const style = getComputedStyle(figure);
  const colour = (name) => style.getPropertyValue(`--cxm-${name}`).trim();
  const names = { bad: 'chart-bad', good: 'chart-good', passive: 'passive' };
  return {
    of: (name) => colour(names[name] ?? name),
    series: (place) => colour(`c${(place % 7) + 1}`),
    ink: colour('ink'),
    faint: colour('faint'),
    grid: colour('grid'),
    surface: style.getPropertyValue('--tblr-bg-surface').trim() || '#fff',
    font: style.fontFamily,
  };
}

function render(figure) {
  const entry = drawn.get(figure);
  const { chart, spec, box } = entry;
  const made = options(spec, palette(figure), box.clientWidth);
  if (made.height) box.style.height = `${made.height}px`;
  chart.resize();
  chart.setOption({ animation: !still.matches && !entry.shown, animationDuration: 300, ...made.option }, true);
  entry.shown = true;
}

function draw(figure) {
  const box = figure.querySelector('.chart-picture');
  if (!box || drawn.has(figure)) return;
  const spec = JSON.parse(figure.dataset.chart);
  // A fitted picture has no height before it is drawn, and ECharts wants one to start.
  if (!box.clientHeight) box.style.height = '5rem';
  const chart = echarts.init(box, null, { renderer: 'svg' });
  let width = box.clientWidth;
  const observer = new ResizeObserver(() => {
    if (!figure.isConnected) {
      observer.disconnect();
      chart.dispose();
      drawn.delete(figure);
    } else if (box.clientWidth !== width) {
      width = box.clientWidth;
      render(figure);
    }
  });
  drawn.set(figure, { chart, spec, box, shown: false });
  observer.observe(box);
  if (spec.kind === 'bars' || spec.kind === 'bubbles') {
    chart.on('click', (event) => {
      const url = spec[spec.kind][event.dataIndex]?.url;
      if (url) window.location.assign(url);
    });
  }
  render(figure);
}

function drawAll(within = document) {
  if (within.matches?.('[data-chart]')) draw(within);
  within.querySelectorAll('[data-chart]').forEach(draw);
}

function redraw() {
  for (const figure of drawn.keys()) render(figure);
}

const root = document.documentElement;

function start() {
  document.addEventListener('click', (event) => {
    const button = event.target.closest('[data-save]');
    const figure = button?.closest('[data-chart]');
    if (figure) save(button.dataset.save, JSON.parse(figure.dataset.chart), figure, palette(figure));
  });

  // A page that is printed is white, whatever the screen shows.
  new MutationObserver(redraw).observe(root, { attributes: true, attributeFilter: ['data-bs-theme'] });
  let before = null;
  window.addEventListener('beforeprint', () => {
    before = root.getAttribute('data-bs-theme');
    root.setAttribute('data-bs-theme', 'light');
    redraw();
  });
  window.addEventListener('afterprint', () => before && root.setAttribute('data-bs-theme', before));
  document.addEventListener('htmx:load', (event) => drawAll(event.detail.elt));
  drawAll();
}

// A fragment may bring the script a second time.
if (!window.cxmCharts) {
  window.cxmCharts = true;
  start();
}
