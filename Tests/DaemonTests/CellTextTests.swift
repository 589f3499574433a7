import Core
import Testing

@testable import roost

/// Numbers and times as tables have them.
@Suite struct CellTextTests {
    @Test(
        arguments: [
            ("0", 0), ("41110", 41_110_000_000), ("29.33", 29_330_000), ("-1.5", -1_500_000),
            ("+2", 2_000_000),
            (".5", 500_000), ("1.", 1_000_000), ("1,234,567.89", 1_234_567_890_000),
            ("12,000", 12_000_000_000),
            ("0.0000005", 0), ("0.0000015", 2), ("0.00000051", 1), ("1e-05", 10), ("1.5E+3", 1_500_000_000),
            ("1000000000000", 1_000_000_000_000_000_000),
        ] as [(String, Int64)])
    func numbersAreExactInMillionths(_ text: String, _ expected: Int64) {
        #expect(CellText.millionths(text) == expected)
    }

    @Test(arguments: [
        "", "-", ".", "abc", "1 2", "1,2", "12,34,567", "1,234,56", "0x10", "inf", "nan", "1.2.3", "--1",
        "1000000000000.000001", "9999999999999999999999", "1e13", "1e999", "₩1", "e5", "1.-5",
    ])
    func whatIsNoNumberIsNil(_ text: String) {
        #expect(CellText.millionths(text) == nil)
    }

    private let seoul = ZoneTable.zone(named: "Asia/Seoul") ?? .utc

    @Test func aDayInSeoulBeginsNineHoursEarlier() throws {
        for text in [
            "20241216", "2024-12-16", "2024/12/16", "2024.12.16", "12/16/2024", "16.12.2024", "12/16/24",
        ] {
            let time = CellText.local(text, clock: nil, zone: seoul, order: .monthFirst)
            #expect(time?.description == "2024-12-15T15:00:00Z", "\(text)")
        }
        // The instant of the export's first row lies in that day.
        let time = try #require(CellText.instant("1734277680000000", zone: seoul, order: .monthFirst))
        #expect(time.description == "2024-12-15T15:48:00Z")
        #expect(seoul.day(of: time) == CalendarDate(year: 2024, month: 12, day: 16).dayNumber)
    }

    @Test(
        arguments: [
            ("1/2/2019", nil, "2019-01-02T00:00:00Z"), ("12/1/2010 8:26", nil, "2010-12-01T08:26:00Z"),
            ("2011-10-31 09:05:07.25", nil, "2011-10-31T09:05:07.25Z"),
            ("2011-10-31T09:05", nil, "2011-10-31T09:05:00Z"),
            ("20111031090507", nil, "2011-10-31T09:05:07Z"),
            ("201110310905", nil, "2011-10-31T09:05:00Z"), ("20210101", "9", "2021-01-01T09:00:00Z"),
            ("20210101", "23:59:59", "2021-01-01T23:59:59Z"), ("20210101", "0930", "2021-01-01T09:30:00Z"),
            ("20210101", "093015", "2021-01-01T09:30:15Z"), ("2021-01-01", "0", "2021-01-01T00:00:00Z"),
            ("2/29/2000", nil, "2000-02-29T00:00:00Z"), ("1/1/75", nil, "1975-01-01T00:00:00Z"),
        ] as [(String, String?, String)])
    func localTimesAreRead(_ date: String, _ clock: String?, _ expected: String) {
        #expect(CellText.local(date, clock: clock, zone: .utc, order: .monthFirst)?.description == expected)
    }

    @Test(
        arguments: [
            ("", nil), ("20241316", nil), ("2023-02-29", nil), ("13/13/2020", nil), ("2020-01-01 25:00", nil),
            ("2020-01-01 9:60", nil), ("2020-01-01x", nil), ("2020-01/01", nil), ("20210101", "24"),
            ("20210101", "9:5x"), ("20210101", ""), ("2020-01-01 08:00", "9"), ("1", nil), ("12345", nil),
            ("999999999999999999999999", nil), ("0/1/2020", nil),
        ] as [(String, String?)])
    func whatIsNoDateIsNil(_ date: String, _ clock: String?) {
        #expect(CellText.local(date, clock: clock, zone: .utc, order: .monthFirst) == nil)
    }

    @Test func epochsAreToldByTheirSizeAndTextsByTheirForm() {
        func text(_ cell: String) -> String? {
            CellText.instant(cell, zone: seoul, order: .dayFirst)?.description
        }
        #expect(text("1734277680") == "2024-12-15T15:48:00Z")
        #expect(text("1734277680000") == "2024-12-15T15:48:00Z")
        #expect(text("1734277680000001") == "2024-12-15T15:48:00.000001Z")
        #expect(text("2024-12-16T00:48:00+09:00") == "2024-12-15T15:48:00Z")
        #expect(text("2024-12-16 00:48:00") == "2024-12-15T15:48:00Z")
        #expect(text("16/12/2024 0:48") == "2024-12-15T15:48:00Z")
        #expect(text("1.73428E+15") == nil)
        #expect(text("999999999999999999") == nil)
        #expect(text("99999999999999999999999") == nil)
    }

    @Test func agesAndYearsOfBirthFallIntoTheirBands() throws {
        let ages = Bands(edges: [20, 30, 45])
        for (cell, label) in [
            ("0", "under 20"), ("19", "under 20"), ("20", "20-29"), ("29.9", "20-29"), ("30", "30-44"),
            ("45", "45+"),
            ("120", "45+"),
        ] {
            #expect(try ages.label(of: cell, year: 2024) == label, "\(cell)")
        }
        #expect(try ages.label(of: "40대", year: 2024) == nil)
        #expect(throws: RowProblem.self) { try ages.label(of: "-1", year: 2024) }
        #expect(throws: RowProblem.self) { try ages.label(of: "200", year: 2024) }
        let births = Bands(edges: [20, 30], birthYears: true)
        #expect(try births.label(of: "1994", year: 2024) == "30+")
        #expect(try births.label(of: "1995-07-01", year: 2024) == "20-29")
        #expect(throws: RowProblem.self) { try births.label(of: "2030", year: 2024) }
        #expect(Bands.edges([20, 20]) == nil && Bands.edges([]) == nil && Bands.edges([0, 5]) == nil)
    }
}
