import Core
import Foundation
import Testing
import Wire

@testable import roost

/// What an import writes, read by the daemon's own decoder, against events written by hand.
@Suite struct ImportPresetTests {
    struct Event: Equatable {
        var time: String
        var user: String
        var name: String
        var id: String?
        var value: String?
        /// 1 used, 2 not used, 3 clicked.
        var coupon: UInt8 = 0
        var texts: [String: String] = [:]
        /// `id category quantity price`, `-` where there is none.
        var items: [String] = []
    }

    private struct Result {
        var events: [Event]
        var complaints: [String]
        var tally: ImportTally
    }

    /// Imports texts as files; the lines must all be accepted.
    private func imported(
        _ texts: [[UInt8]], _ words: [String], inOrderOfFile: Bool = false, sortBytesMax: Int = 1 << 20
    ) throws -> Result {
        let paths = texts.map { _ in NSTemporaryDirectory() + "roost-import-\(UUID().uuidString)" }
        defer { for path in paths { unlink(path) } }
        for (path, text) in zip(paths, texts) { try File(creating: path).write(text) }
        let services = paths.count > 1 ? ["--services", paths[1]] : []
        let files = try importFiles(Arguments([paths[0]] + words + services, for: importCommand))
        var out: [UInt8] = []
        var complaints: [String] = []
        var work = Import(
            inOrderOfFile: inOrderOfFile, sortBytesMax: sortBytesMax, emit: { out += $0 },
            complain: { complaints.append(String($0.split(separator: ": ", maxSplits: 1)[1])) })
        try work.run(files)
        return Result(events: decoded(out), complaints: complaints, tally: work.tally)
    }

    private func imported(_ text: String, _ words: String...) throws -> Result {
        try imported([Array(text.utf8)], words)
    }

    private func decoded(_ bytes: [UInt8]) -> [Event] {
        var decoder = EventDecoder(settings: Settings())
        let padded = bytes + [UInt8](repeating: 0, count: EventDecoder.padding)
        let batch = padded.withUnsafeBytes { slab in
            decoder.decode(slab: UnsafeRawBufferPointer(rebasing: slab[..<bytes.count]), isStreamStart: true)
                .batch
        }
        #expect(batch.rejections.isEmpty, "\(batch.rejections)")
        return batch.rows.map { event($0, batch) }
    }

    private func event(_ row: EventRow, _ batch: EventBatch) -> Event {
        func text(_ offset: UInt32, _ length: UInt16) -> String {
            String(decoding: batch.text[Int(offset)..<Int(offset) + Int(length)], as: UTF8.self)
        }
        var event = Event(
            time: EventTime(microseconds: row.time).description, user: batch.user(of: row),
            name: batch.string(row.name))
        if row.flags & EventFlags.hasID != 0 { event.id = text(row.idOffset, row.idLength) }
        if row.flags & EventFlags.hasValue != 0 { event.value = decimal(row.value) }
        event.coupon = (row.flags & EventFlags.couponMask) >> EventFlags.couponShift
        withUnsafeBytes(of: row.dimensions) { raw in
            for dimension in Dimension.allCases {
                let index = raw.assumingMemoryBound(to: UInt16.self)[dimension.rawValue]
                if index != EventRow.absent { event.texts[dimension.text] = batch.string(index) }
            }
        }
        event.items = batch.items[Int(row.itemsStart)..<Int(row.itemsStart) + Int(row.itemsCount)].map {
            item in
            let category = item.category == EventRow.absent ? "-" : batch.string(item.category)
            let price = item.price == ItemRow.noPrice ? "-" : decimal(item.price)
            return "\(text(item.idOffset, item.idLength)) \(category) \(decimal(item.quantity)) \(price)"
        }
        return event
    }

    private func decimal(_ millionths: Int64) -> String {
        var writer = JSONWriter()
        writer.value(millionths: millionths)
        return writer.text
    }

    // MARK: ga-export

    private static let visits = """
        event_date,user_pseudo_id,event_timestamp,event_name,purchase_value,device,media,type
        20241216,1000002345.17,1734277680000000,session_start,,mobile,카카오,광고
        20241216,1000002345.17,,purchase,"41,110",mobile,criteo,비광고

        """

    private static let visitEvents = [
        Event(
            time: "2024-12-15T15:00:00Z", user: "1000002345.17", name: "purchase", value: "41110",
            texts: ["device": "mobile", "media": "criteo", "type": "non_ad"]),
        Event(
            time: "2024-12-15T15:48:00Z", user: "1000002345.17", name: "session_start",
            texts: ["device": "mobile", "media": "카카오", "type": "ad"]),
    ]

    @Test func visitsOfAKoreanExportInEitherEncoding() throws {
        let korean = try #require(Self.visits.data(using: eucKR))
        for words in [["--preset", "ga-export"], ["--preset", "ga-export", "--encoding", "euc-kr"]] {
            let result = try imported([Array(korean)], words)
            #expect(result.events == Self.visitEvents)
            #expect(result.tally == ImportTally(rows: 2, events: 2, malformed: 0))
        }
        #expect(try imported(Self.visits, "--preset", "ga-export").events == Self.visitEvents)
        #expect(
            try imported(Self.visits, "--preset=ga-export", "--encoding=utf-8").events == Self.visitEvents)
    }

    private let eucKR = String.Encoding(
        rawValue: eucKRNumber)

    @Test func malformedRowsAreToldByLineAndReasonAndTheOthersAreTaken() throws {
        var text = Array(Self.visits.utf8)
        text += Array("20241216,u,12x,login,,,,\nshort,row\n".utf8)
        text += Array("20241216,".utf8) + [0xFF, 0xFE] + Array(",,login,,,,\n".utf8)
        text += Array("20241216,u".utf8) + [0xEC, 0xB9, 0x2C, 0xB4] + Array(",login,,,,\n".utf8)
        text += Array("20241216,,,login,,,,\n20241232,u,,login,,,,\n20241216,u,,,,,,\n".utf8)
        text += Array("20241216,u,,purchase,many,,,\n20241216,\"u\"x,,login,,,,\n,u,,login,,,,\n".utf8)
        text += Array("20241217,u,,login,,,,\n".utf8)
        let result = try imported([text], ["--preset", "ga-export", "--encoding", "utf-8"])
        #expect(result.events.dropLast() == Self.visitEvents[...])
        #expect(result.events.last == Event(time: "2024-12-16T15:00:00Z", user: "u", name: "login"))
        #expect(
            result.complaints == [
                "line 4: \"12x\" is not a time", "line 5: it has 2 fields, not 8",
                "line 6: it is not valid in the file's encoding",
                "line 7: it is not valid in the file's encoding", "line 8: the user is empty",
                "line 9: \"20241232\" is not a date", "line 10: the name of the event is empty",
                "line 11: value is \"many\", which is no number",
                "line 12: text follows the closing quote of field 2", "line 13: the time is empty",
            ])
        #expect(result.tally == ImportTally(rows: 13, events: 3, malformed: 10))
    }

    // MARK: Shops

    @Test func rowsOfAnInvoiceAreOneEventAndThoseOfACancellationARefund() throws {
        let result = try imported(
            """
            InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
            C536379,D,Discount,-1,12/1/2010 9:41,27.5,14527.0,United Kingdom
            536365,85123A,"WHITE ""HANGING"" HEART, T-LIGHT",6,12/1/2010 8:27,2.55,17850.0,United Kingdom
            536370,22728,"two
            lines",24,12/1/2010 8:45,3.75,12583,France
            536365,71053,WHITE METAL LANTERN,6,12/1/2010 8:26,3.39,17850.0,United Kingdom
            536371,x,y,-5,12/1/2010 8:45,3.75,12583,France
            536372,x,y,5,12/1/2010 8:45,3.75,,France
            C536379,E,Manual,-2,12/1/2010 9:41,1,14527.0,United Kingdom

            """, "--preset", "online-retail")
        #expect(
            result.events == [
                Event(
                    time: "2010-12-01T08:26:00Z", user: "17850", name: "purchase", id: "536365",
                    value: "35.64", texts: ["region": "United Kingdom"],
                    items: ["85123A - 6 2.55", "71053 - 6 3.39"]),
                Event(
                    time: "2010-12-01T08:45:00Z", user: "12583", name: "purchase", id: "536370", value: "90",
                    texts: ["region": "France"], items: ["22728 - 24 3.75"]),
                Event(
                    time: "2010-12-01T09:41:00Z", user: "14527", name: "refund", id: "C536379", value: "29.5",
                    texts: ["region": "United Kingdom"], items: ["D - 1 27.5", "E - 2 1"]),
            ])
        #expect(
            result.complaints == [
                "line 7: quantity is negative, and this is no refund", "line 8: the user is empty",
            ])
    }

    @Test func transactionsHaveTheirCouponAndCategoriesTheirGroups() throws {
        let text = """
            CustomerID,Transaction_ID,Transaction_Date,Product_SKU,Product_Category,Quantity,Avg_Price,Coupon_Status
            17850,16680,1/2/2019,GGOE2,Apparel,2,3,Clicked
            17850,16679,1/1/2019,GGOE1,Nest-USA,1,153.71,Not Used
            17850,16679,1/1/2019,GGOE2,Apparel,2,3,Used
            13047,16681,1/2/2019,GGOE3,Office,4,1.5,Not Used
            13047,16682,1/2/2019,GGOE3,Office,4,1.5,Lost

            """
        func events(_ nest: String, _ apparel: String, _ office: String) -> [Event] {
            [
                Event(
                    time: "2019-01-01T00:00:00Z", user: "17850", name: "purchase", id: "16679",
                    value: "159.71",
                    coupon: 1, items: ["GGOE1 \(nest) 1 153.71", "GGOE2 \(apparel) 2 3"]),
                Event(
                    time: "2019-01-02T00:00:00Z", user: "17850", name: "purchase", id: "16680", value: "6",
                    coupon: 3, items: ["GGOE2 \(apparel) 2 3"]),
                Event(
                    time: "2019-01-02T00:00:00Z", user: "13047", name: "purchase", id: "16681", value: "6",
                    coupon: 2, items: ["GGOE3 \(office) 4 1.5"]),
            ]
        }
        let result = try imported(text, "--preset", "online-sales")
        #expect(result.events == events("Nest-USA", "Apparel", "Office"))
        #expect(result.complaints == ["line 6: coupon is \"Lost\", not used, not_used or clicked"])
        let path = NSTemporaryDirectory() + "roost-groups-\(UUID().uuidString)"
        defer { unlink(path) }
        try File(creating: path).write("{Apparel: 'clothes', /* all else */ '*': 'things'}")
        let grouped = try imported(text, "--preset", "online-sales", "--groups", path)
        #expect(grouped.events == events("things", "clothes", "things"))
    }

    @Test func cdsOfEitherFileOfCDNOW() throws {
        let expected = [
            Event(
                time: "1997-01-01T00:00:00Z", user: "00004", name: "purchase", value: "29.33",
                items: ["cd - 2 -"]),
            Event(
                time: "1997-01-18T00:00:00Z", user: "00004", name: "purchase", value: "29.73",
                items: ["cd - 2 -"]),
        ]
        let sample = " 00004 0001 19970101  2   29.33\r\n 00004 0001 19970118  2   29.73\r\n"
        #expect(try imported(sample, "--preset", "cdnow").events == expected)
        let master = " 00004 19970101  2   29.33\n 00004 19970118  2   29.73\n"
        #expect(try imported(master, "--preset", "cdnow").events == expected)
    }

    // MARK: lpoint

    private static let receipts = """
        영수증번호,고객번호,성별,연령대,거주지대분류코드,상품코드,대분류명,중분류명,구매일자,구매시간,구매수량,구매금액,제휴사,점포코드,채널구분,Lpay
        r2,M1,여성,40대,Z17,PD2,과일,사과,20210103,23,1,1000,A02,S9,2,1
        r1,M1,여성,40대,Z17,PD1,채소,배추,20210101,10,2,3000,A01,S1,1,0
        r1,M1,여성,40대,Z17,PD2,과일,사과,20210101,10,3,1000,A01,S1,1,0

        """

    private static let uses = """
        고객번호,방문일자,이용일자,이용시간,이용금액,제휴사,점포코드,채널구분
        M1,20210102,,11,0,C02,S2,1
        M1,20210102,20210102,9,12000,C01,S1,1

        """

    private func lpointEvents(_ cabbage: String, _ apple: String, age: String) -> [Event] {
        let person = ["gender": "F", "age_band": age, "region": "Z17"]
        func texts(_ more: [String: String]) -> [String: String] { person.merging(more) { $1 } }
        return [
            Event(
                time: "2021-01-01T01:00:00Z", user: "M1", name: "purchase", id: "r1", value: "4000",
                texts: texts(["partner": "A01", "store": "S1", "channel": "offline"]),
                items: ["PD1 \(cabbage) 2 1500", "PD2 \(apple) 3 333.333333"]),
            Event(
                time: "2021-01-02T00:00:00Z", user: "M1", name: "purchase", value: "12000",
                texts: ["partner": "C01", "store": "S1", "channel": "offline"]),
            Event(
                time: "2021-01-02T02:00:00Z", user: "M1", name: "visit", value: "0",
                texts: ["partner": "C02", "store": "S2", "channel": "offline"]),
            Event(
                time: "2021-01-03T14:00:00Z", user: "M1", name: "purchase", id: "r2", value: "1000",
                texts: texts([
                    "partner": "A02", "store": "S9", "channel": "online", "payment_method": "lpay",
                ]),
                items: ["PD2 \(apple) 1 1000"]),
        ]
    }

    @Test func receiptsAndUsesOfServicesComeInTheOrderOfTime() throws {
        let files = [Array(Self.receipts.utf8), Array(Self.uses.utf8)]
        let large = try imported(files, ["--preset", "lpoint"])
        #expect(large.events == lpointEvents("채소", "과일", age: "40s"))
        #expect(large.complaints == [])
        let middle = try imported(files, ["--preset", "lpoint", "--category-level", "middle"])
        #expect(middle.events == lpointEvents("배추", "사과", age: "40s"))
        #expect(throws: CommandFailure.self) {
            try imported(files, ["--preset", "lpoint", "--category-level", "small"])
        }
        let korean = try files.map {
            Array(try #require(String(decoding: $0, as: UTF8.self).data(using: eucKR)))
        }
        #expect(try imported(korean, ["--preset", "lpoint"]).events == large.events)
    }

    @Test func rawAgesAreBinned() throws {
        let raw = Self.receipts.replacing("40대", with: "43")
        let ages = try imported(
            [Array(raw.utf8), Array(Self.uses.utf8)], ["--preset", "lpoint", "--age-edges", "20,30,40,50"])
        #expect(ages.events == lpointEvents("채소", "과일", age: "40-49"))
        let born = Self.receipts.replacing("40대", with: "1978")
        let births = try imported(
            [Array(born.utf8), Array(Self.uses.utf8)],
            ["--preset", "lpoint", "--age-edges", "20,30,40,50", "--birth-years"])
        #expect(births.events == lpointEvents("채소", "과일", age: "40-49"))
    }

    // MARK: Order

    @Test func memoryDoesNotChangeWhatIsWritten() throws {
        let files = [Array(Self.receipts.utf8), Array(Self.uses.utf8)]
        for bytes in [1, 100, 300] {
            let result = try imported(files, ["--preset", "lpoint"], sortBytesMax: bytes)
            #expect(result.events == lpointEvents("채소", "과일", age: "40s"))
        }
    }

    @Test func inTheOrderOfTheFileRowsOfABasketMustStandTogether() throws {
        let result = try imported(
            [Array(Self.receipts.utf8), Array(Self.uses.utf8)], ["--preset", "lpoint"], inOrderOfFile: true)
        let sorted = lpointEvents("채소", "과일", age: "40s")
        #expect(result.events == [sorted[3], sorted[0], sorted[2], sorted[1]])
    }
}

/// EUC-KR as Foundation numbers it.
private let eucKRNumber: UInt = 0x8000_0940
