/// The mappings that come with the executable, as a person would write them; `roost import --print-mapping`
/// shows one to start from.
enum Presets {
    static let names = ["ga-export", "online-sales", "online-retail", "lpoint", "cdnow"]

    /// Nil where there is no such preset.
    static func text(_ name: String) -> String? {
        switch name {
        case "ga-export": gaExport
        case "online-sales": onlineSales
        case "online-retail": onlineRetail
        case "lpoint": lpoint
        case "cdnow": cdnow
        default: nil
        }
    }

    private static let gaExport = """
        // A Google Analytics export of a Korean shop: one row an event.
        {
          encoding: "utf-8 or euc-kr",
          timezone: "Asia/Seoul",
          // Microseconds; where it is empty, the local day at 00:00.
          time: {instant: "event_timestamp", date: "event_date"},
          fields: {
            user: "user_pseudo_id",
            name: "event_name",
            value: "purchase_value",
            device: "device",
            media: "media",
            type: "type",
          },
          optional: ["value", "device", "media", "type"],
          values: {
            media: {"광고": "ad", "비광고": "non_ad"},
            type: {"광고": "ad", "비광고": "non_ad"},
          },
        }

        """

    private static let onlineSales = """
        // A gift shop's sales: one row an item, the rows of a transaction are one purchase.
        {
          time: {date: "Transaction_Date"},
          fields: {
            user: "CustomerID",
            id: "Transaction_ID",
            item_id: "Product_SKU",
            item_category: "Product_Category",
            quantity: "Quantity",
            price: "Avg_Price",
            coupon: "Coupon_Status",
            gender: "Gender",
            region: "Location",
          },
          optional: ["item_category", "coupon", "gender", "region"],
          constants: {name: "purchase"},
          values: {coupon: {Used: "used", "Not Used": "not_used", Clicked: "clicked"}},
          basket: "Transaction_ID",
          absent: ["NaN", "nan"],
          whole: ["user", "id"],
        }

        """

    private static let onlineRetail = """
        // A gift retailer's invoices: one row an item, the rows of an invoice are one purchase or refund.
        {
          time: {date: "InvoiceDate"},
          fields: {
            user: ["CustomerID", "Customer ID"],
            id: ["InvoiceNo", "Invoice"],
            item_id: "StockCode",
            quantity: "Quantity",
            price: ["UnitPrice", "Price"],
            region: "Country",
          },
          optional: ["region"],
          constants: {name: "purchase"},
          basket: ["InvoiceNo", "Invoice"],
          refund: {column: ["InvoiceNo", "Invoice"], prefix: "C"},
          absent: ["NaN", "nan"],
          whole: ["user"],
        }

        """

    private static let cdnow = """
        // The CDNOW text files, master and sample: customer, day, number of CDs, dollars.
        {
          delimiter: "blanks",
          columns: [
            ["customer", "date", "cds", "dollars"],
            ["customer", "sample_customer", "date", "cds", "dollars"],
          ],
          time: {date: "date"},
          fields: {user: "customer", value: "dollars", quantity: "cds"},
          constants: {name: "purchase", item_id: "cd"},
        }

        """

    private static let lpoint = """
        // L.POINT purchases: one row an item, the rows of a receipt are one purchase. The second file (--services)
        // has the uses of partners' services.
        {
          encoding: "utf-8 or euc-kr",
          timezone: "Asia/Seoul",
          time: {date: ["구매일자", "de_dt"], clock: ["구매시간", "de_hr"]},
          fields: {
            user: ["고객번호", "cust"],
            id: ["영수증번호", "rct_no"],
            item_id: ["상품코드", "pd_c"],
            item_category: ["대분류명", "clac_hlv_nm"],
            quantity: ["구매수량", "buy_ct"],
            amount: ["구매금액", "buy_am"],
            gender: ["성별", "ma_fem_dv"],
            age_band: ["연령대", "ages"],
            region: ["거주지대분류코드", "zon_hlv"],
            partner: ["제휴사", "cop_c"],
            store: ["점포코드", "점포", "br_c"],
            channel: ["채널구분", "chnl_dv"],
            payment_method: ["Lpay", "L.pay", "엘페이"],
          },
          optional: [
            "item_category", "gender", "age_band", "region", "partner", "store", "channel", "payment_method",
          ],
          constants: {name: "purchase"},
          values: {
            channel: {"1": "offline", "2": "online", "오프라인": "offline", "온라인": "online"},
            // What else was paid with is not known.
            payment_method: {"1": "lpay", Y: "lpay", y: "lpay", O: "lpay", "사용": "lpay", "*": null},
            gender: {"여성": "F", "남성": "M", "여": "F", "남": "M"},
            age_band: {
              "10대": "10s", "20대": "20s", "30대": "30s", "40대": "40s", "50대": "50s", "60대": "60s",
              "60대이상": "60+", "60대 이상": "60+", "70대": "70s", "70대이상": "70+", "70대 이상": "70+",
            },
          },
          basket: ["영수증번호", "rct_no"],
          // --category-level
          levels: {
            large: ["대분류명", "clac_hlv_nm"],
            middle: ["중분류명", "clac_mcls_nm"],
            small: ["소분류명", "pd_nm"],
          },
          absent: ["NaN", "nan"],
          whole: ["quantity"],
          services: {
            encoding: "utf-8 or euc-kr",
            timezone: "Asia/Seoul",
            time: {date: ["이용일자", "de_dt", "방문일자", "vst_dt"], clock: ["이용시간", "de_hr"]},
            fields: {
              user: ["고객번호", "cust"],
              value: ["이용금액", "buy_am"],
              gender: ["성별", "ma_fem_dv"],
              age_band: ["연령대", "ages"],
              region: ["거주지대분류코드", "zon_hlv"],
              partner: ["제휴사", "cop_c"],
              store: ["점포코드", "점포", "br_c"],
              channel: ["채널구분", "chnl_dv"],
              payment_method: ["Lpay", "L.pay", "엘페이"],
            },
            optional: ["value", "gender", "age_band", "region", "partner", "store", "channel", "payment_method"],
            constants: {name: "purchase"},
            // A visit that cost nothing.
            name_without_value: "visit",
            values: {
              channel: {"1": "offline", "2": "online", "오프라인": "offline", "온라인": "online"},
              payment_method: {"1": "lpay", Y: "lpay", y: "lpay", O: "lpay", "사용": "lpay", "*": null},
              gender: {"여성": "F", "남성": "M", "여": "F", "남": "M"},
              age_band: {
                "10대": "10s", "20대": "20s", "30대": "30s", "40대": "40s", "50대": "50s", "60대": "60s",
                "60대이상": "60+", "60대 이상": "60+", "70대": "70s", "70대이상": "70+", "70대 이상": "70+",
              },
            },
            absent: ["NaN", "nan"],
          },
        }

        """
}
