/// One server-sent event: its name, and one line of JSON.
package struct LiveEvent: Sendable {
    package var name: String
    package var json: [UInt8]

    package init(_ name: String, _ json: [UInt8]) {
        self.name = name
        self.json = json
    }
}

/// What one listener of `GET /v1/live` hears.
package protocol LiveFeed: Sendable {
    /// The next events, as soon as there are any; nil at the end. Called again when it has returned.
    func next() async -> [LiveEvent]?
    /// Gives the listener's place back.
    func close()
}
