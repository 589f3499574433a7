import Core
import Testing

/// Calendar days where the wall jumps, on both halves of the globe.
@Suite struct ZoneTests {
    private static func utc(_ text: (Int, Int, Int, Int, Int)) -> EventTime {
        let day = Int64(CalendarDate(year: text.0, month: text.1, day: text.2).dayNumber)
        return EventTime(
            microseconds: day * Microseconds.day + Int64(text.3) * Microseconds.hour
                + Int64(text.4) * Microseconds.minute)
    }

    private static func day(_ year: Int, _ month: Int, _ day: Int) -> Int32 {
        CalendarDate(year: year, month: month, day: day).dayNumber
    }

    private static let hour = Microseconds.hour

    /// 2024 only.
    private static let newYork = Zone(
        name: "America/New_York",
        starts: [.min, utc((2024, 3, 10, 7, 0)).microseconds, utc((2024, 11, 3, 6, 0)).microseconds],
        offsets: [-5 * hour, -4 * hour, -5 * hour])
    private static let sydney = Zone(
        name: "Australia/Sydney",
        starts: [.min, utc((2024, 4, 6, 16, 0)).microseconds, utc((2024, 10, 5, 16, 0)).microseconds],
        offsets: [11 * hour, 10 * hour, 11 * hour])
    /// Summer time begins at midnight: that day starts at 01:00.
    private static let beirut = Zone(
        name: "Asia/Beirut",
        starts: [.min, utc((2024, 3, 30, 22, 0)).microseconds, utc((2024, 10, 26, 21, 0)).microseconds],
        offsets: [2 * hour, 3 * hour, 2 * hour])
    private static let seoul = Zone(name: "Asia/Seoul", starts: [.min], offsets: [9 * hour])

    @Test func seoulIsNineHoursAheadAllYear() {
        #expect(Self.seoul.day(of: Self.utc((2024, 12, 8, 14, 59))) == Self.day(2024, 12, 8))
        #expect(Self.seoul.day(of: Self.utc((2024, 12, 8, 15, 0))) == Self.day(2024, 12, 9))
        #expect(Self.seoul.start(of: Self.day(2024, 12, 9)) == Self.utc((2024, 12, 8, 15, 0)))
        #expect(Self.seoul.day(of: EventTime(microseconds: -1)) == 0)
        #expect(Self.seoul.day(of: EventTime(microseconds: -10 * Self.hour)) == -1)
    }

    @Test func aTransitionHoldsFromItsVeryInstant() {
        let change = Self.utc((2024, 3, 10, 7, 0))
        #expect(Self.newYork.offset(at: change - 1) == -5 * Self.hour)
        #expect(Self.newYork.offset(at: change) == -4 * Self.hour)
    }

    @Test func daysOfTwentyThreeAndTwentyFiveHoursNorthAndSouth() {
        func hours(_ zone: Zone, _ year: Int, _ month: Int, _ number: Int) -> Int64 {
            let first = Self.day(year, month, number)
            return (zone.start(of: first + 1).microseconds - zone.start(of: first).microseconds) / Self.hour
        }
        #expect(hours(Self.newYork, 2024, 3, 10) == 23)
        #expect(hours(Self.newYork, 2024, 11, 3) == 25)
        #expect(hours(Self.sydney, 2024, 4, 7) == 25)
        #expect(hours(Self.sydney, 2024, 10, 6) == 23)
        #expect(hours(Self.sydney, 2024, 7, 1) == 24)
    }

    @Test func aDayWithoutMidnightStartsAfterTheGap() {
        #expect(Self.beirut.start(of: Self.day(2024, 3, 31)) == Self.utc((2024, 3, 30, 22, 0)))
        #expect(Self.beirut.day(of: Self.utc((2024, 3, 30, 21, 59))) == Self.day(2024, 3, 30))
        #expect(Self.beirut.day(of: Self.utc((2024, 3, 30, 22, 0))) == Self.day(2024, 3, 31))
    }

    @Test func aMidnightThatComesTwiceIsTheEarlier() {
        // The wall falls from 24:00 back to 23:00 of the 26th: midnight itself comes once, 23:30 twice.
        #expect(Self.beirut.start(of: Self.day(2024, 10, 27)) == Self.utc((2024, 10, 26, 22, 0)))
        let twice =
            Int64(Self.day(2024, 10, 26)) * Microseconds.day + 23 * Self.hour + 30 * Microseconds.minute
        #expect(Self.beirut.instant(wallMicroseconds: twice) == Self.utc((2024, 10, 26, 20, 30)))
    }

    @Test func aWallTimeWithinTheGapIsTheFirstInstantAfterIt() {
        let never = Int64(Self.day(2024, 3, 10)) * Microseconds.day + 2 * Self.hour + 30 * Microseconds.minute
        #expect(Self.newYork.instant(wallMicroseconds: never) == Self.utc((2024, 3, 10, 7, 0)))
    }

    @Test func everyDaysStartLiesInThatDayAndTheInstantBeforeDoesNot() {
        for zone in [Self.newYork, Self.sydney, Self.beirut, Self.seoul, .utc] {
            for number in Self.day(2024, 1, 1)...Self.day(2024, 12, 31) {
                let start = zone.start(of: number)
                #expect(zone.day(of: start) == number)
                #expect(zone.day(of: start - 1) == number - 1)
            }
        }
    }
}
