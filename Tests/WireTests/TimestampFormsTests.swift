import Core
import Testing
import Wire

private func time(_ json: String, _ settings: Settings = Settings()) -> String? {
    accepted(line(time: json), settings)?.time
}

@Suite struct TimestampFormsTests {
    @Test(arguments: [
        ("2024-07-01T00:00:14.473588Z", "2024-07-01T00:00:14.473588Z"),
        ("2024-07-01T00:00:14Z", "2024-07-01T00:00:14Z"),
        ("2024-07-01t00:00:14z", "2024-07-01T00:00:14Z"),
        ("2024-07-01 00:00:14Z", "2024-07-01T00:00:14Z"),
        ("2024-07-01T09:00:00+09:00", "2024-07-01T00:00:00Z"),
        ("2024-06-30 19:30:00.5-04:30", "2024-07-01T00:00:00.5Z"),
        ("2024-07-01", "2024-07-01T00:00:00Z"),
        ("2024-07-01 12:34:56", "2024-07-01T12:34:56Z"),
        ("2024-07-01T12:34:56.1", "2024-07-01T12:34:56.1Z"),
        ("2024-07-01 12:34:56.1234569999", "2024-07-01T12:34:56.123456Z"),
        ("2024-02-29", "2024-02-29T00:00:00Z"),
        ("2000-02-29", "2000-02-29T00:00:00Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
        ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"),
        ("0001-01-01", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
    ])
    func textIsRead(text: String, instant: String) {
        #expect(time("\"\(text)\"") == instant)
    }

    @Test(arguments: [
        "", "2024", "2024-7-1", "2024-13-01", "2024-00-01", "2024-02-30", "2023-02-29", "1900-02-29",
        "2024-01-00",
        "2024-01-32", "2024-01-01T", "2024-01-01T00", "2024-01-01T00:00", "2024-01-01T00:00Z",
        "2024-01-01T24:00:00",
        "2024-01-01T00:60:00", "2024-01-01T00:00:61", "2024-01-01T00:00:00.", "2024-01-01T00:00:00.Z",
        "2024-01-01T00:00:00,5", "2024-01-01T00:00:00+09", "2024-01-01T00:00:00+0900",
        "2024-01-01T00:00:00+24:00",
        "2024-01-01T00:00:00+09:60", "2024-01-01Z", "2024-01-01 ", " 2024-01-01", "2024/01/01", "20240101",
        "2024-01-01T00:00:00ZZ", "2024-01-01_00:00:00", "1719792014", "-024-01-01", "2024-01-0a",
        "+024-01-01",
        "0000-01-01", "9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:60Z",
    ])
    func otherTextIsRefused(text: String) {
        #expect(refused(line(time: "\"\(text)\""))?.code == .badField)
    }

    @Test(arguments: [
        ("0", "1970-01-01T00:00:00Z"), ("-0", "1970-01-01T00:00:00Z"), ("-1", "1969-12-31T23:59:59Z"),
        ("1719792014", "2024-07-01T00:00:14Z"),
        ("1719792014.473588", "2024-07-01T00:00:14.473588Z"),
        ("1719792014.4735889", "2024-07-01T00:00:14.473588Z"),
        ("-0.0000009", "1970-01-01T00:00:00Z"),
        ("1.719792014e9", "2024-07-01T00:00:14Z"),
        ("1719792014473", "2024-07-01T00:00:14.473Z"),
        ("1719792014473.5889", "2024-07-01T00:00:14.473588Z"),
        ("1719792014473588", "2024-07-01T00:00:14.473588Z"),
        ("1719792014473588.9", "2024-07-01T00:00:14.473588Z"),
        ("99999999999", "5138-11-16T09:46:39Z"),
        ("100000000000", "1973-03-03T09:46:40Z"),
        ("99999999999999", "5138-11-16T09:46:39.999Z"),
        ("100000000000000", "1973-03-03T09:46:40Z"),
        ("99999999999999999", "5138-11-16T09:46:39.999999Z"),
        ("-62135596800", "0001-01-01T00:00:00Z"),
    ])
    func epochNumbersAreReadByTheirSize(text: String, instant: String) {
        #expect(time(text) == instant)
    }

    @Test(arguments: [
        "100000000000000000", "-100000000000000000", "1e17", "1e999", "-62135596801", "99999999999999999999",
    ])
    func epochNumbersOutOfRangeAreRefused(text: String) {
        #expect(refused(line(time: text))?.code == .badField)
    }

    /// Table of a zone that goes forward by an hour, back, and once by a whole day, as the zones of the
    /// date line have.
    private static let zone = Zone(
        name: "Test",
        starts: [.min, 1_000_000 * 86_400_000, 1_010_000 * 86_400_000, 1_020_000 * 86_400_000].map {
            $0 == .min ? $0 : $0 / 1000
        },
        offsets: [
            -5 * Microseconds.hour, -4 * Microseconds.hour, -5 * Microseconds.hour, 19 * Microseconds.hour,
        ])

    @Test func timesWithoutOffsetAreOnTheZonesWall() {
        let settings = Settings.with { $0.clock.zone = Self.zone }
        var expected: [String] = []
        var text = ""
        for start in Self.zone.starts.dropFirst() {
            for step in -120...120 {
                let wall = start + Int64(step) * 20 * Microseconds.minute
                let shown = EventTime(microseconds: wall).description.dropLast()
                expected.append(Self.zone.instant(wallMicroseconds: wall).description)
                text += line(time: "\"\(shown)\"")
            }
        }
        #expect(decoded(text, settings).events.map(\.time) == expected)
        #expect(time("\"1970-01-01\"", settings) == "1970-01-01T05:00:00Z")
        #expect(time("\"1970-01-01T00:00:00Z\"", settings) == "1970-01-01T00:00:00Z")
    }
}
