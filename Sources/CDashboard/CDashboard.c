#include "CDashboard.h"

// C23: the compiler reads the files, and a changed one compiles this again.
#define HTML "text/html; charset=utf-8"
#define STYLE "text/css; charset=utf-8"
#define SCRIPT "text/javascript; charset=utf-8"
#define PICTURE "image/svg+xml"

static const unsigned char index_html[] = {
#embed "page/index.html"
};
static const unsigned char style_css[] = {
#embed "page/style.css"
};
static const unsigned char mark_svg[] = {
#embed "page/mark.svg"
};
static const unsigned char main_js[] = {
#embed "page/main.js"
};
static const unsigned char api_js[] = {
#embed "page/api.js"
};
static const unsigned char dom_js[] = {
#embed "page/dom.js"
};
static const unsigned char format_js[] = {
#embed "page/format.js"
};
static const unsigned char plots_js[] = {
#embed "page/plots.js"
};
static const unsigned char table_js[] = {
#embed "page/table.js"
};
static const unsigned char text_js[] = {
#embed "page/text.js"
};
static const unsigned char views_acquisition_js[] = {
#embed "page/views/acquisition.js"
};
static const unsigned char views_campaigns_js[] = {
#embed "page/views/campaigns.js"
};
static const unsigned char views_customers_js[] = {
#embed "page/views/customers.js"
};
static const unsigned char views_history_js[] = {
#embed "page/views/history.js"
};
static const unsigned char views_models_js[] = {
#embed "page/views/models.js"
};
static const unsigned char views_now_js[] = {
#embed "page/views/now.js"
};
static const unsigned char views_products_js[] = {
#embed "page/views/products.js"
};
static const unsigned char views_retention_js[] = {
#embed "page/views/retention.js"
};
static const unsigned char views_segments_js[] = {
#embed "page/views/segments.js"
};
static const unsigned char views_triggers_js[] = {
#embed "page/views/triggers.js"
};

static const roost_page_file files[] = {
    {"/", HTML, index_html, sizeof index_html},
    {"/dashboard/style.css", STYLE, style_css, sizeof style_css},
    {"/dashboard/mark.svg", PICTURE, mark_svg, sizeof mark_svg},
    {"/dashboard/main.js", SCRIPT, main_js, sizeof main_js},
    {"/dashboard/api.js", SCRIPT, api_js, sizeof api_js},
    {"/dashboard/dom.js", SCRIPT, dom_js, sizeof dom_js},
    {"/dashboard/format.js", SCRIPT, format_js, sizeof format_js},
    {"/dashboard/plots.js", SCRIPT, plots_js, sizeof plots_js},
    {"/dashboard/table.js", SCRIPT, table_js, sizeof table_js},
    {"/dashboard/text.js", SCRIPT, text_js, sizeof text_js},
    {"/dashboard/views/acquisition.js", SCRIPT, views_acquisition_js, sizeof views_acquisition_js},
    {"/dashboard/views/campaigns.js", SCRIPT, views_campaigns_js, sizeof views_campaigns_js},
    {"/dashboard/views/customers.js", SCRIPT, views_customers_js, sizeof views_customers_js},
    {"/dashboard/views/history.js", SCRIPT, views_history_js, sizeof views_history_js},
    {"/dashboard/views/models.js", SCRIPT, views_models_js, sizeof views_models_js},
    {"/dashboard/views/now.js", SCRIPT, views_now_js, sizeof views_now_js},
    {"/dashboard/views/products.js", SCRIPT, views_products_js, sizeof views_products_js},
    {"/dashboard/views/retention.js", SCRIPT, views_retention_js, sizeof views_retention_js},
    {"/dashboard/views/segments.js", SCRIPT, views_segments_js, sizeof views_segments_js},
    {"/dashboard/views/triggers.js", SCRIPT, views_triggers_js, sizeof views_triggers_js},
};

const roost_page_file *const roost_page_files = files;
const size_t roost_page_file_count = sizeof files / sizeof *files;
