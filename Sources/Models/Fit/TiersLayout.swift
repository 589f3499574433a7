/// Where the parts of a tiers request lie.
package struct TiersLayout: Sendable {
    /// The first bytes of the request, all but the columns.
    package let head: [UInt8]
    /// Byte offsets of the columns of `buyers` Doubles.
    package let daysSinceLast: Int
    package let frequency: Int
    package let monetaryValue: Int
    /// Byte offset of the column of `buyers` bytes; those after it up to `byteCount` are to be 0.
    package let heldOut: Int
    /// Length of the request.
    package let byteCount: Int

    package init(buyers: Int, config: TiersConfig, previous: TiersModel?) {
        var writer = ByteWriter()
        writer.put(FitRequest.magic)
        writer.put(FitRequest.version)
        writer.put(FitRequest.tiersName)
        writer.put(UInt64(max(0, config.minimumBuyers)))
        writer.put(previous?.bytes ?? [])
        writer.put(UInt64(buyers))
        writer.align()
        head = writer.bytes
        let column = buyers * 8
        daysSinceLast = head.count
        frequency = daysSinceLast + column
        monetaryValue = frequency + column
        heldOut = monetaryValue + column
        byteCount = heldOut + (buyers + 7) / 8 * 8
    }

    /// A whole request in an array, for small ones and tests.
    package func request(_ columns: TiersColumns) -> [UInt8] {
        var bytes = head
        bytes.reserveCapacity(byteCount)
        for column in columns.variables { bytes.append(contentsOf: UnsafeRawBufferPointer(column)) }
        bytes.append(contentsOf: columns.heldOut)
        bytes.append(contentsOf: [UInt8](repeating: 0, count: byteCount - bytes.count))
        return bytes
    }
}
