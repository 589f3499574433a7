/// Where the time of the wall comes from; nothing else asks the system.
package protocol TimeSource: Sendable {
    /// The wall clock. May jump either way; whoever needs order takes the greatest seen.
    func wall() -> EventTime
    /// A clock that only goes forward, microseconds since some start.
    func monotonic() -> Int64
}
