/// HMAC-SHA256 (RFC 2104, FIPS 180-4) in lower-case hexadecimal digits, by OpenSSL.
enum Signature {
    static func text(of body: [UInt8], key: [UInt8]) -> String {
        let digest = TLSContext.authenticationCode(of: body, key: key)
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
