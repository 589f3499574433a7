import Core
import Foundation
import Testing

@testable import roost

/// Zones read from tzdata against Foundation's own reading of it.
@Suite struct SettingsZoneTests {
    @Test(arguments: [
        "Asia/Seoul", "America/New_York", "Europe/London", "Australia/Sydney", "Australia/Lord_Howe",
        "America/Sao_Paulo", "Asia/Kathmandu", "Pacific/Apia", "Europe/Dublin",
        "Etc/GMT+5",
    ])
    func offsetsAreThoseOfFoundation(_ name: String) throws {
        let zone = try #require(ZoneTable.zone(named: name))
        let oracle = try #require(TimeZone(identifier: name))
        var randomness = Randomness(seed: 7)
        // 1972 to 2037: what both read from the transitions alone.
        for _ in 0..<4000 {
            let second = 63_072_000 + Int64(randomness.uniform() * 2_060_000_000)
            let offset = zone.offset(at: EventTime(microseconds: second * Microseconds.second))
            let expected = oracle.secondsFromGMT(for: Date(timeIntervalSince1970: Double(second)))
            #expect(offset == Int64(expected) * Microseconds.second, "\(name) at \(second)")
        }
    }

    @Test func theFootersRuleGoesOnTo2100() throws {
        // Second Sunday of March, first Sunday of November, 2:00 on the wall.
        let zone = try #require(ZoneTable.zone(named: "America/New_York"))
        func offset(_ year: Int, _ month: Int, _ day: Int) -> Int64 {
            let noon = Int64(CalendarDate(year: year, month: month, day: day).dayNumber) * 24 + 17
            return zone.offset(at: EventTime(microseconds: noon * Microseconds.hour)) / Microseconds.hour
        }
        #expect(offset(2099, 3, 7) == -5)
        #expect(offset(2099, 3, 8) == -4)
        #expect(offset(2099, 10, 31) == -4)
        #expect(offset(2099, 11, 1) == -5)
        // South of the equator summer spans the new year.
        let sydney = try #require(ZoneTable.zone(named: "Australia/Sydney"))
        func sydneyHours(_ month: Int) -> Int64 {
            let day = Int64(CalendarDate(year: 2090, month: month, day: 15).dayNumber)
            return sydney.offset(at: EventTime(microseconds: day * Microseconds.day)) / Microseconds.hour
        }
        #expect(sydneyHours(1) == 11)
        #expect(sydneyHours(7) == 10)
    }

    @Test func zonesOfTodayHaveFewRowsAndRowsAscend() throws {
        for name in ["Asia/Seoul", "America/New_York", "Australia/Sydney"] {
            let zone = try #require(ZoneTable.zone(named: name))
            #expect(zip(zone.starts, zone.starts.dropFirst()).allSatisfy { $0 < $1 })
            #expect(zip(zone.offsets, zone.offsets.dropFirst()).allSatisfy { $0 != $1 })
        }
    }

    @Test func whatIsNoZoneIsNil() {
        for name in [
            "", "Asia", "Asia/", "/etc/passwd", "../zoneinfo/Asia/Seoul", "zone.tab", "Nowhere/City", "UTC\0",
        ] {
            #expect(ZoneTable.zone(named: name) == nil, "\(name)")
        }
        #expect(ZoneTable.zone(named: "UTC") == .utc)
    }
}
